import { setTimeout as pause } from 'node:timers/promises';
import {
  type ConnectionOptions,
  connect,
  createInbox,
  Events,
  type NatsConnection,
  type Status,
} from 'nats';
import type { BrokerLog } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { parseAddress } from './address.ts';
import { makeDialPace } from './dial-pace.ts';
import { isAuthFailure, refusal } from './failure.ts';

/** Room that a message's headers and ids take of the server's limit. */
const HEADERS_ROOM_BYTES = 4_096;
const DIAL_MS = 5_000;
/** A server that is frozen is noticed after two pings without an answer. */
const PING_MS = 5_000;
const RECONNECT = { leastMs: 100, jitterMs: 400 } as const;
const FLUSH_MS = 2_000;
const COMPLAINTS_MAX = 100;

type LinkOptions = {
  readonly name: string;
  readonly log: BrokerLog;
  readonly connectTimeoutMs: number;
};

type LinkParts = {
  /** The servers without credentials. */
  readonly shown: string;
  readonly inboxPrefix: string;
  readonly log: BrokerLog;
};

/** @throws BrokerError `broker.unavailable`, `broker.forbidden` or `broker.invalid`. */
export const openLink = async (url: string, options: LinkOptions): Promise<NatsLink> => {
  const { shown, options: address } = parseAddress(url);
  const inboxPrefix = inboxPrefixOf(address.user);
  const nats = await dial(shown, options, {
    ...address,
    inboxPrefix,
    name: options.name,
    timeout: Math.min(DIAL_MS, options.connectTimeoutMs),
    pingInterval: PING_MS,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    // Otherwise two refusals in a row, as of a server that still loads its users, end it for good.
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: makeDialPace(RECONNECT),
    noAsyncTraces: true,
  });
  return new NatsLink(nats, { shown, inboxPrefix, log: options.log });
};

/**
 * Answers go under the user's own name, so that an operator may let each user hear its own alone;
 * a right to `_INBOX.>` holds for it as well.
 */
const inboxPrefixOf = (user = ''): string =>
  /^[\w-]{1,64}$/.test(user) ? `_INBOX.${user}` : '_INBOX';

const dial = async (
  shown: string,
  options: LinkOptions,
  vendor: ConnectionOptions,
): Promise<NatsConnection> => {
  const until = performance.now() + options.connectTimeoutMs;
  for (;;) {
    try {
      return await connect(vendor);
    } catch (error) {
      if (isAuthFailure(error)) {
        const message = `NATS at ${shown} refuses the credentials.`;
        throw refusal('broker.forbidden', message, error);
      }
      if (performance.now() >= until) {
        const waited = `within ${options.connectTimeoutMs} ms`;
        const message = `No NATS server answered at ${shown} ${waited}.`;
        throw refusal('broker.unavailable', message, error);
      }
      await pause(RECONNECT.leastMs);
    }
  }
};

const maxBodyOf = (nats: NatsConnection): number | undefined =>
  nats.info === undefined ? undefined : nats.info.max_payload - HEADERS_ROOM_BYTES;

/** The connection to the server, which comes back by itself for ever, and what is known of it. */
export class NatsLink {
  readonly nats: NatsConnection;
  readonly log: BrokerLog;
  readonly #shown: string;
  readonly #inboxPrefix: string;
  readonly #listeners = new Set<(connected: boolean) => void>();
  readonly #forbidden = new Set<(topic: string) => void>();
  readonly #complaints = new Set<string>();
  #connected = true;
  #closing = false;
  #reconnects = 0;
  #maxBodyBytes: number;

  constructor(nats: NatsConnection, parts: LinkParts) {
    this.nats = nats;
    this.log = parts.log;
    this.#shown = parts.shown;
    this.#inboxPrefix = parts.inboxPrefix;
    this.#maxBodyBytes = maxBodyOf(nats) ?? 0;
    void this.#follow();
  }

  isConnected(): boolean {
    return this.#connected && !this.#closing;
  }

  /** @throws BrokerError `broker.unavailable` while the server is away, and once closed. */
  checkConnected(): void {
    if (this.#closing) throw new BrokerError('broker.unavailable', 'The broker is closed.');
    if (!this.#connected) throw this.#away();
  }

  /** A topic of its own that answers may be sent to. */
  makeInbox(): string {
    return createInbox(this.#inboxPrefix);
  }

  /** Whether the server is one of several. */
  isClustered(): boolean {
    return this.nats.info?.cluster !== undefined;
  }

  maxBodyBytes(): number {
    return this.#maxBodyBytes;
  }

  reconnects(): number {
    return this.#reconnects;
  }

  /** Calls `changed` at each loss and return. @returns what ends the calls. */
  onChange(changed: (connected: boolean) => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** Calls `refused` with the topic of a publication that the server does not allow. */
  onForbidden(refused: (topic: string) => void): void {
    this.#forbidden.add(refused);
  }

  /** Resolves when the server has read all that was sent, or after 2 s, or at once when away. */
  async flush(): Promise<void> {
    if (!this.#connected || this.nats.isClosed()) return;
    const giveUp = new AbortController();
    await Promise.race([
      this.nats.flush().catch(() => undefined),
      pause(FLUSH_MS, undefined, { signal: giveUp.signal }).catch(() => undefined),
    ]);
    giveUp.abort();
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    await this.flush();
    await this.nats.close();
  }

  async #follow(): Promise<void> {
    for await (const status of this.nats.status()) {
      if (status.type === Events.Disconnect) this.#turn(false);
      else if (status.type === Events.Reconnect) this.#turn(true);
      else if (status.type === Events.Error) this.#complain(status);
    }
    const error = await this.nats.closed();
    if (this.#closing) return;
    this.#turn(false);
    this.log.error({ err: error }, 'The connection to the broker ended for good.');
  }

  #turn(connected: boolean): void {
    if (this.#connected === connected || this.#closing) return;
    this.#connected = connected;
    if (connected) {
      this.#reconnects += 1;
      this.#maxBodyBytes = maxBodyOf(this.nats) ?? this.#maxBodyBytes;
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

  /** Once for each kind: a hint that is not allowed would otherwise fill the log. */
  #complain(status: Status): void {
    const { operation, subject = '' } = status.permissionContext ?? {};
    if (operation === 'publish') for (const refused of this.#forbidden) refused(subject);
    const text = `${status.data}${operation === undefined ? '' : ` (${operation} ${subject})`}`;
    if (this.#complaints.has(text) || this.#complaints.size >= COMPLAINTS_MAX) return;
    this.#complaints.add(text);
    this.log.warn({ broker: this.#shown, complaint: text }, 'The broker complains.');
  }

  #away(): BrokerError {
    return new BrokerError('broker.unavailable', `NATS at ${this.#shown} is away.`);
  }
}
