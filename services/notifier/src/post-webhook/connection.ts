import { type buildConnector, Client, type Dispatcher } from 'undici';

/**
 * How long a connection is kept that carries nothing, or less where the target says so: servers
 * begin to close such ones after five seconds.
 */
const IDLE_MAX_MS = 4_000;
/** How long one is used, so that a name which leads elsewhere by now is soon looked up again. */
const LIFE_MAX_MS = 60_000;

/** A connection to one origin, which is made by its first post and carries one at a time. */
export class Connection {
  readonly origin: string;
  readonly #client: Client;
  #madeAtMs = 0;
  #posts = 0;

  /** `ended` is called when it was closed, by whichever side. */
  constructor(
    origin: string,
    connect: buildConnector.connector,
    ended: (connection: Connection) => void,
  ) {
    this.origin = origin;
    this.#client = new Client(origin, {
      connect,
      allowH2: false,
      keepAliveTimeout: IDLE_MAX_MS,
      keepAliveMaxTimeout: IDLE_MAX_MS,
      // A post has one deadline, which its sender keeps.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#client.on('connect', () => {
      this.#madeAtMs = performance.now();
      this.#posts = 0;
    });
    this.#client.on('disconnect', () => ended(this));
  }

  /** Whether the post under way is not the first one on it. */
  get isReused(): boolean {
    return this.#posts > 1;
  }

  /** Whether it may carry another post. */
  get isYoung(): boolean {
    return performance.now() - this.#madeAtMs < LIFE_MAX_MS;
  }

  /** `handler` hears of whatever happens, also before the connection is made. */
  send(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(request, {
      ...handler,
      onRequestStart: () => {
        this.#posts += 1;
      },
    });
  }

  /** Ends it, and whatever it carries. */
  destroy(): void {
    this.#client.destroy(null, () => undefined);
  }
}
