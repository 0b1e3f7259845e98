import { setTimeout as pause } from 'node:timers/promises';
import type { ConfirmChannel } from 'amqplib';
import type { BrokerLog } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { type AmqpConnection, closeChannel } from './connection.ts';
import { toBrokerError } from './failure.ts';

const TRY_AGAIN_MS = { least: 100, most: 5_000 } as const;
const CALM_MS = 10_000;
const LOOK_MS = 10_000;
const CLOSE_MS = 2_000;

export type LaneOptions = {
  readonly connection: AmqpConnection;
  readonly log: BrokerLog;
  /** What it is for, after "while": `sending hints`. */
  readonly doing: string;
  /** Declares what the lane needs, on channels of its own; called now and then while it is open. */
  readonly declare: () => Promise<void>;
  /** Makes a channel that is new ready for use. */
  readonly prepare?: (channel: ConfirmChannel) => Promise<void>;
};

/**
 * A channel that comes back: the server closes one for each mistake, with all that is on it, and
 * all of them with their connection. Each purpose has a lane of its own, so that no mistake of
 * one costs another.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #closing = new AbortController();
  readonly #waiting = new Set<() => void>();
  readonly #ended: Promise<void>;
  #channel: ConfirmChannel | undefined;
  #failure: unknown;
  #troubles = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  /** The channel while there is one that is ready. */
  get channel(): ConfirmChannel | undefined {
    return this.#channel;
  }

  /** Why the last channel was closed or could not be had. */
  get failure(): unknown {
    return this.#failure;
  }

  /**
   * Resolves with the channel once it is ready. @throws BrokerError the last failure after
   * `timeoutMs`, if it is given; with `orLasting` as soon as trying again does not mend it.
   */
  async ready(timeoutMs?: number, orLasting = false): Promise<ConfirmChannel> {
    const { promise, resolve, reject } = Promise.withResolvers<ConfirmChannel>();
    const { doing } = this.#options;
    const away = new BrokerError('broker.unavailable', `RabbitMQ is away while ${doing}.`);
    const failure = () =>
      this.#failure === undefined ? away : toBrokerError(this.#failure, doing);
    const look = (): void => {
      if (this.#channel !== undefined) resolve(this.#channel);
      else if (this.#closing.signal.aborted) reject(away);
      else if (orLasting && this.#failure !== undefined && !failure().retry) reject(failure());
    };
    this.#waiting.add(look);
    const late = (): void => reject(failure());
    const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
    look();
    return await promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(look);
    });
  }

  /** Gives up `channel`, on which something is amiss, for a new one. */
  renew(channel: ConfirmChannel, reason: string): void {
    this.#options.log.warn({ reason }, `A channel is renewed while ${this.#options.doing}.`);
    if (this.#channel === channel) this.#channel = undefined;
    void closeChannel(channel);
  }

  /** Resolves when the server has read all that was sent, or after 2 s. */
  async close(): Promise<void> {
    this.#closing.abort();
    const giveUp = new AbortController();
    const late = pause(CLOSE_MS, undefined, { signal: giveUp.signal }).catch(() => undefined);
    const channel = this.#channel;
    this.#channel = undefined;
    this.#tell();
    const closed = channel === undefined ? undefined : closeChannel(channel);
    await Promise.race([Promise.all([closed, this.#ended]), late]);
    giveUp.abort();
  }

  async #run(): Promise<void> {
    const { connection, log, doing } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await connection.whenUp(signal);
      if (signal.aborted) return;
      const beganAt = performance.now();
      try {
        await this.#useOne();
      } catch (error) {
        this.#failure = error;
        log.warn({ err: toBrokerError(error, doing) }, `A channel cannot be had while ${doing}.`);
        this.#tell();
      }
      if (performance.now() - beganAt > CALM_MS) this.#troubles = 0;
      await this.#catchBreath();
    }
  }

  /** Resolves when the channel that it opened is closed. */
  async #useOne(): Promise<void> {
    const { connection, log, doing, declare, prepare } = this.#options;
    await declare();
    const channel = await connection.openChannel();
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    channel.on('close', () => resolve());
    channel.on('error', (error) => {
      this.#failure = error;
      this.#channel = undefined;
      log.warn({ err: error }, `The broker closed a channel while ${doing}.`);
    });
    try {
      await prepare?.(channel);
    } catch (error) {
      void closeChannel(channel);
      throw error;
    }
    if (this.#closing.signal.aborted) return void closeChannel(channel);
    this.#channel = channel;
    this.#failure = undefined;
    this.#tell();
    // Somebody may delete what was declared without that the channel hears of it.
    const looks = setInterval(() => void declare().catch(() => undefined), LOOK_MS);
    await closed;
    clearInterval(looks);
    this.#channel = undefined;
  }

  /** Grows while one trouble follows the other, so that a broken server is not overrun. */
  async #catchBreath(): Promise<void> {
    const mostMs = Math.min(TRY_AGAIN_MS.least * 2 ** this.#troubles, TRY_AGAIN_MS.most);
    this.#troubles = Math.min(this.#troubles + 1, 10);
    const { signal } = this.#closing;
    const waitMs = mostMs * (0.5 + Math.random() / 2);
    await pause(waitMs, undefined, { signal }).catch(() => undefined);
  }

  #tell(): void {
    for (const look of this.#waiting) look();
  }
}
