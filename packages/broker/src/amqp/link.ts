import { setTimeout as pause } from 'node:timers/promises';
import type { BrokerLog } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { parseAmqpAddress } from './address.ts';
import { type AmqpConnection, openConnection } from './connection.ts';
import { Lane, type LaneOptions } from './lane.ts';

/** RabbitMQ's own bound of 128 MiB would let one message fill a process. */
export const MAX_BODY_BYTES = 16 * 1_048_576;
const LANES_READY_MS = 5_000;

type LinkOptions = {
  readonly name: string;
  readonly log: BrokerLog;
  readonly connectTimeoutMs: number;
};

/** @throws BrokerError `broker.unavailable`, `broker.forbidden` or `broker.invalid`. */
export const openLink = async (url: string, options: LinkOptions): Promise<AmqpLink> => {
  const address = parseAmqpAddress(url);
  const { name, log, connectTimeoutMs } = options;
  const open = (purpose: string): Promise<AmqpConnection> =>
    openConnection({ name: `${name} (${purpose})`, address, log }, connectTimeoutMs);
  const publishing = await open('publishing');
  try {
    return new AmqpLink(publishing, await open('consuming'), address.shown, log);
  } catch (error) {
    await publishing.close();
    throw error;
  }
};

/**
 * The two connections to the server: one that is short of memory or disk stops reading from whoever
 * publishes, and acknowledgements must not be caught in that.
 */
export class AmqpLink {
  readonly publishing: AmqpConnection;
  readonly consuming: AmqpConnection;
  readonly log: BrokerLog;
  readonly #shown: string;
  readonly #lanes = new Set<Lane>();
  readonly #listeners = new Set<(connected: boolean) => void>();
  #connected = true;
  #closing = false;
  #reconnects = 0;

  constructor(
    publishing: AmqpConnection,
    consuming: AmqpConnection,
    shown: string,
    log: BrokerLog,
  ) {
    this.publishing = publishing;
    this.consuming = consuming;
    this.#shown = shown;
    this.log = log;
    for (const connection of [publishing, consuming]) connection.onChange(() => this.#look());
  }

  isConnected(): boolean {
    return this.#connected && !this.#closing;
  }

  /** @throws BrokerError `broker.unavailable` while it is away or takes nothing, or closed. */
  checkPublishing(): void {
    const refuse = (why: string): never => {
      throw new BrokerError('broker.unavailable', why);
    };
    if (this.#closing) refuse('The broker is closed.');
    if (!this.#connected) refuse(`RabbitMQ at ${this.#shown} is away.`);
    const reason = this.publishing.blocked();
    if (reason !== undefined) refuse(`RabbitMQ at ${this.#shown} takes nothing: ${reason}.`);
  }

  reconnects(): number {
    return this.#reconnects;
  }

  /** Calls `changed` at each loss and return. @returns what ends the calls. */
  onChange(changed: (connected: boolean) => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** Opens a lane; after a loss the link is back when all of them are. */
  openLane(options: Omit<LaneOptions, 'log'>): Lane {
    const lane = new Lane({ ...options, log: this.log });
    this.#lanes.add(lane);
    return lane;
  }

  async closeLane(lane: Lane): Promise<void> {
    this.#lanes.delete(lane);
    await lane.close();
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    await Promise.all([...this.#lanes].map((lane) => lane.close()));
    await Promise.all([this.publishing.close(), this.consuming.close()]);
  }

  #look(): void {
    const isUp = this.publishing.isUp() && this.consuming.isUp();
    if (!isUp) this.#turn(false);
    else if (!this.#connected) void this.#whenLanesReady();
  }

  /** Whoever hears of the return may rely on it that what he listens to is heard. */
  async #whenLanesReady(): Promise<void> {
    const until = new AbortController();
    await Promise.race([
      Promise.allSettled([...this.#lanes].map((lane) => lane.ready(LANES_READY_MS))),
      pause(LANES_READY_MS, undefined, { signal: until.signal }).catch(() => undefined),
    ]);
    until.abort();
    if (this.publishing.isUp() && this.consuming.isUp()) this.#turn(true);
  }

  #turn(connected: boolean): void {
    if (this.#connected === connected || this.#closing) return;
    this.#connected = connected;
    if (connected) {
      this.#reconnects += 1;
      this.log.info({ broker: this.#shown }, 'The broker is back.');
    } else {
      this.log.warn({ broker: this.#shown }, 'The broker is away.');
    }
    for (const changed of this.#listeners) {
      try {
        changed(connected);
      } catch (error) {
        this.log.error({ err: error }, 'A listener to the state of the broker threw.');
      }
    }
  }
}
