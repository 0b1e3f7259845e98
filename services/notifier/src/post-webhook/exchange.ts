import { TargetRefusedError } from '@switchyard/runtime';
import type { Dispatcher } from 'undici';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';

const EXCERPT_MAX_BYTES = 1_024;
/** What of an answer is read before the connection is closed, in bytes. */
const ANSWER_MAX_BYTES = 65_536;
/** Errors of a connection that the other side has closed or left. */
const BROKEN_CODES: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

export type Webhook = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

/** What came of a post: the head of an answer, or the reason why there is none. */
export type Ending =
  | { readonly kind: 'answered'; readonly status: number; readonly excerpt: Buffer }
  | { readonly kind: 'failed' | 'refused'; readonly reason: string };

export type ExchangeOptions = {
  readonly connections: Connections;
  readonly url: URL;
  readonly webhook: Webhook;
  /** Called once, with undefined when it was abandoned. */
  readonly ended: (ending: Ending | undefined) => void;
};

/** One post and its answer, on a connection that is kept where it can be. */
export class Exchange {
  readonly #options: ExchangeOptions;
  #connection: Connection;
  #isOver = false;
  /** Of the head of the final answer. */
  #status: number | undefined;
  #hasAnswer = false;
  #readBytes = 0;
  readonly #excerpt: Buffer[] = [];

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#connection = options.connections.take(options.url.origin);
  }

  /** Ends it now: an answer whose head came stands, else `reason` says why there is none. */
  end(reason: string, kind: 'failed' | 'refused' = 'failed'): void {
    this.#settle(this.#answer() ?? { kind, reason });
  }

  /** Ends it so that nobody knows what became of it. */
  abandon(): void {
    this.#settle(undefined);
  }

  /** Posts the webhook: once, but for a connection that was closed while it was kept. */
  send(): void {
    const { url, webhook } = this.#options;
    const { headers, body } = webhook;
    this.#connection.send(
      { method: 'POST', path: `${url.pathname}${url.search}`, headers, body },
      this.#handler,
    );
  }

  readonly #handler: Dispatcher.DispatchHandler = {
    onResponseStarted: () => {
      this.#hasAnswer = true;
    },
    onResponseStart: (_controller, status) => {
      // Those below announce another one.
      if (status >= 200) this.#status = status;
    },
    onResponseData: (_controller, chunk) => this.#keep(chunk),
    onResponseEnd: () => this.#complete(),
    onResponseError: (_controller, error) => this.#fail(error),
  };

  /** Keeps the first bytes of an answer as they came, never unpacked. */
  #keep(chunk: Buffer): void {
    const room = EXCERPT_MAX_BYTES - this.#readBytes;
    // Copied, since a slice would hold on to the whole chunk.
    if (room > 0) this.#excerpt.push(Buffer.from(chunk.subarray(0, room)));
    this.#readBytes += chunk.length;
    if (this.#readBytes >= ANSWER_MAX_BYTES) this.end('The answer is long.');
  }

  #complete(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.connections.giveBack(this.#connection);
    this.#options.ended(this.#answer());
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    if (this.#isStale(error)) {
      this.#connection.destroy();
      this.#connection = this.#options.connections.open(this.#options.url.origin);
      this.send();
      return;
    }
    this.end(reasonOf(error), error instanceof TargetRefusedError ? 'refused' : 'failed');
  }

  /**
   * Servers close a connection that was kept at the very moment at which it is used again. That is
   * no answer: the same try goes on over a new connection, where it cannot come to this.
   */
  #isStale(error: Error): boolean {
    const isBroken = BROKEN_CODES.has(codeOf(error));
    return isBroken && this.#connection.isReused && !this.#hasAnswer;
  }

  #answer(): Ending | undefined {
    const status = this.#status;
    if (status === undefined) return undefined;
    return { kind: 'answered', status, excerpt: Buffer.concat(this.#excerpt) };
  }

  #settle(ending: Ending | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.ended(ending);
    this.#connection.destroy();
  }
}

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '');

/** Failed tries of both address families come as one error without a text of its own. */
const reasonOf = (error: Error): string => {
  if (codeOf(error) === 'UND_ERR_SOCKET') return 'The connection was closed without an answer.';
  const parts = error instanceof AggregateError ? error.errors.map(String) : [];
  const text = error.message === '' ? parts.join('; ') : error.message;
  return text === '' ? error.name : text;
};
