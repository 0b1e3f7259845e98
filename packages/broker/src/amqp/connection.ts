import { setTimeout as pause } from 'node:timers/promises';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import type { BrokerLog } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import type { AmqpAddress, AmqpHost } from './address.ts';
import { isLoginRefused, refusal } from './failure.ts';

const DIAL_MS = 5_000;
/** A server that is frozen is noticed after two to three of them. */
const HEARTBEAT_S = 8;
const RECONNECT_MS = { least: 100, jitter: 400 } as const;
const CLOSE_MS = 2_000;

export type ConnectionOptions = {
  /** For the server's list of connections. */
  readonly name: string;
  readonly address: AmqpAddress;
  readonly log: BrokerLog;
};

type Dialled = { readonly model: ChannelModel; readonly destroy: () => void };

/**
 * Dials the hosts in turn until one answers.
 * @throws BrokerError `broker.unavailable` after `timeoutMs`, or `broker.forbidden` at once.
 */
export const openConnection = async (
  options: ConnectionOptions,
  timeoutMs: number,
): Promise<AmqpConnection> => {
  const { shown } = options.address;
  const until = performance.now() + timeoutMs;
  for (;;) {
    try {
      return new AmqpConnection(options, await dialAny(options, until));
    } catch (error) {
      if (isLoginRefused(error)) {
        const message = `RabbitMQ at ${shown} refuses the credentials or the virtual host.`;
        throw refusal('broker.forbidden', message, error);
      }
      if (performance.now() >= until) {
        const message = `No RabbitMQ server answered at ${shown} within ${timeoutMs} ms.`;
        throw refusal('broker.unavailable', message, error);
      }
      await pause(RECONNECT_MS.least);
    }
  }
};

/** From a random one on, so that a cluster's nodes share the clients; throws the last failure. */
const dialAny = async (options: ConnectionOptions, until: number): Promise<Dialled> => {
  const { hosts } = options.address;
  const first = Math.floor(Math.random() * hosts.length);
  let failure: unknown;
  for (const host of [...hosts.slice(first), ...hosts.slice(0, first)]) {
    try {
      return await dial(options, host, Math.min(DIAL_MS, Math.max(1, until - performance.now())));
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
};

const dial = async (
  { address, name }: ConnectionOptions,
  host: AmqpHost,
  timeoutMs: number,
): Promise<Dialled> => {
  // The one way to be rid of the socket of a server that is frozen: the library waits for it.
  const socket = new AbortController();
  const timer = setTimeout(() => socket.abort(), timeoutMs);
  const wanted = {
    protocol: address.isTls ? 'amqps' : 'amqp',
    ...host,
    username: address.user,
    password: address.password,
    vhost: encodeURIComponent(address.vhost),
    heartbeat: HEARTBEAT_S,
  };
  const socketOptions = {
    noDelay: true,
    keepAlive: true,
    clientProperties: { connection_name: name },
    signal: socket.signal,
  };
  try {
    const model = await connect(wanted, socketOptions);
    // Each loss comes as `close` too.
    model.on('error', () => undefined);
    return { model, destroy: () => socket.abort() };
  } finally {
    clearTimeout(timer);
  }
};

/** One connection to the server, which comes back by itself for ever. */
export class AmqpConnection {
  readonly #options: ConnectionOptions;
  readonly #listeners = new Set<() => void>();
  #current: Dialled | undefined;
  #blocked: string | undefined;
  #closing = false;

  constructor(options: ConnectionOptions, dialled: Dialled) {
    this.#options = options;
    this.#adopt(dialled);
  }

  isUp(): boolean {
    return this.#current !== undefined;
  }

  /** What the server calls itself. */
  server(): string {
    const { product = '', version = '' } = this.#current?.model.connection.serverProperties ?? {};
    return `${product} ${version}`.trim();
  }

  /** Why the server takes no publications for now; it is short of memory or disk. */
  blocked(): string | undefined {
    return this.#blocked;
  }

  /** Calls `changed` at each loss and return. @returns what ends the calls. */
  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** Resolves when the connection is up or `stop` aborts. */
  async whenUp(stop: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.isUp() || stop.aborted) resolve();
    };
    const forget = this.onChange(look);
    stop.addEventListener('abort', look);
    look();
    await promise;
    forget();
    stop.removeEventListener('abort', look);
  }

  /** @throws BrokerError `broker.unavailable` while it is down. */
  async openChannel(): Promise<ConfirmChannel> {
    const model = this.#current?.model;
    if (model === undefined) throw new BrokerError('broker.unavailable', 'RabbitMQ is away.');
    const channel = await model.createConfirmChannel();
    if (this.#current?.model === model) return channel;
    // Its end came with the answer, before anybody could listen for it.
    throw new BrokerError('broker.unavailable', 'RabbitMQ went away.');
  }

  /** Does `work` on a channel of its own: a refusal of the server closes it, and no other. */
  async withChannel<T>(work: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
    const channel = await this.openChannel();
    // The refusal rejects the call that it is about.
    channel.on('error', () => undefined);
    try {
      return await work(channel);
    } finally {
      await closeChannel(channel);
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    const giveUp = new AbortController();
    await Promise.race([
      closeQuietly(() => current.model.close()),
      pause(CLOSE_MS, undefined, { signal: giveUp.signal }).catch(() => undefined),
    ]);
    giveUp.abort();
    current.destroy();
  }

  #adopt(dialled: Dialled): void {
    this.#current = dialled;
    this.#blocked = undefined;
    const { log, address } = this.#options;
    dialled.model.on('blocked', (reason) => {
      this.#blocked = reason;
      log.warn({ broker: address.shown, reason }, 'The broker takes no publications for now.');
    });
    dialled.model.on('unblocked', () => {
      this.#blocked = undefined;
      log.info({ broker: address.shown }, 'The broker takes publications again.');
    });
    dialled.model.on('close', (error) => {
      dialled.destroy();
      if (this.#current !== dialled) return;
      this.#current = undefined;
      log.warn({ broker: address.shown, err: error }, 'A connection to the broker is lost.');
      this.#tell();
      void this.#reconnect();
    });
  }

  async #reconnect(): Promise<void> {
    while (!this.#closing) {
      await pause(RECONNECT_MS.least + Math.random() * RECONNECT_MS.jitter);
      try {
        const dialled = await dialAny(this.#options, Number.POSITIVE_INFINITY);
        if (this.#closing) dialled.destroy();
        else this.#adopt(dialled);
        this.#tell();
        return;
      } catch {
        // It may be away for long; the loss is in the log.
      }
    }
  }

  #tell(): void {
    for (const changed of this.#listeners) changed();
  }
}

/**
 * Closes `channel`; resolves when it is closed, be it by the loss of its connection, of which the
 * library's own promise would never tell.
 */
export const closeChannel = async (channel: ConfirmChannel): Promise<void> => {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  channel.once('close', resolve);
  await closeQuietly(() => Promise.race([channel.close(), closed]));
};

/** What is closed twice, or was closed by the server, is closed. */
const closeQuietly = async (close: () => Promise<void>): Promise<void> => {
  try {
    await close();
  } catch {
    // It is closed.
  }
};
