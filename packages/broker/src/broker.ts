import type { BrokerError } from './broker-error.ts';

/**
 * What services say to each other, in words of no broker. Every adapter passes broker.contract.ts.
 *
 * Topics are dot-separated words of letters, digits, `_` and `-` (`switchyard.hint.nudge.echo`).
 * Where a pattern is said to do, `*` stands for exactly one word (`switchyard.hint.nudge.*`).
 * Bodies are bytes that nobody here parses; neither the sender nor the receiver may change them
 * once they are handed over.
 *
 * What differs between brokers is said here and at each call, and nowhere else; nobody may rely on
 * more than what is promised.
 * - Kept over a restart: nothing in memory; streams and groups on the disk of a real server, and
 *   made anew where it lost them. One that acknowledged has not necessarily forced it to disk: NATS
 *   does so every two minutes unless told otherwise.
 * - A `log` that is full drops the oldest; memory refuses instead what a group has not settled.
 * - Hints come in order from memory, in none from a server. What waits for one listener is bounded
 *   by 10,000 hints or 16 MiB, the oldest going first, in memory and on RabbitMQ; NATS cuts off a
 *   listener that does not keep up.
 * - RabbitMQ has a topic exchange for each stream, named by the literal leading words of its topics
 *   (`kept` for `kept.*`), and the rest is the routing key. The queue of the group that a stream is
 *   declared with has the exchange's name, that of another one the group's name behind it. They
 *   are quorum queues without a dead-letter exchange, which would carry bodies to the dead letters,
 *   and without a limit of deliveries, at which RabbitMQ 4 drops messages.
 */
export interface Broker {
  /**
   * Largest body in bytes, of everything: what a NATS server takes (`max_payload`) less 4 KiB for
   * headers, 16 MiB on RabbitMQ, 1 MiB in memory.
   */
  readonly maxBodyBytes: number;
  /**
   * Tells whoever listens on `topic` now: at most once, in no promised order. For what a periodic
   * look at the database would find as well. Never waits and never throws: while the broker is
   * away, does not keep up (16 MiB) or blocks publishers (RabbitMQ, when it is short of memory or
   * disk), or when the hint cannot be sent, it is dropped and counted. On a topic of a `log` that
   * was declared without a group, it also reaches whoever consumes that from outside.
   */
  hint(topic: string, body: Uint8Array): void;
  /**
   * Calls `hear` for each hint of `pattern` until `stop` aborts; with `group`, one of all that
   * listen under that name on the same pattern hears each. What `hear` throws is logged.
   * Resolves once the broker knows of it; while the broker is away at once, and then hints are
   * heard from its return on.
   * @throws BrokerError `broker.invalid`.
   */
  listen(
    pattern: string,
    hear: (hint: Hint) => void,
    stop: AbortSignal,
    group?: string,
  ): Promise<void>;
  /**
   * Asks one member of the group that serves `topic`.
   * @throws BrokerError `broker.no_answer` when nobody serves, or none answered within
   * `timeoutMs`: it may have been done all the same. `broker.unavailable` while the broker is
   * away, `broker.too_large` or `broker.invalid`: nothing was asked.
   */
  request(topic: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /**
   * Answers requests to `pattern` as a member of `group`, up to 1,024 at a time; further ones, and
   * those whose `answer` throws or is too large, stay unanswered and are logged. Resolves after
   * `stop` aborts and every request begun is answered. Survives the absence of the broker.
   * @throws BrokerError `broker.invalid`.
   */
  serve(pattern: string, group: string, answer: Answer, stop: AbortSignal): Promise<void>;
  /**
   * Resolves once the broker has stored `message` in the stream that holds its topic. NATS and
   * memory store one of several appends of one id within the stream's duplicate window; later
   * ones are stored again, and RabbitMQ stores all: consumers deduplicate on `message.id`. Any
   * number may be in flight up to 64 MiB.
   * @throws BrokerError `broker.unavailable` (try again: it may have been stored all the same; a
   * `work` stream that is full refuses thus, and RabbitMQ while it blocks publishers),
   * `broker.too_large`, `broker.invalid`, `broker.no_stream` or `broker.forbidden` (do not).
   */
  append(message: Message): Promise<void>;
  /**
   * Appends `messages` for less than an `append` of each costs, those of one lane in their order:
   * none is stored while one ahead of it in its lane is not. Stops at the first failure; messages
   * of other lanes behind it may have been stored by then. One server of NATS is asked for its word
   * on many at a time, and holds all of them to their order.
   */
  appendInOrder(messages: readonly LaneMessage[]): Promise<Appended>;
  /**
   * Hands each stored message of `pattern`, which must lie in one declared stream, to one member
   * of `group`, at least once, in no promised order. A group that is new gets all that the stream
   * still holds; on RabbitMQ, unless the stream is declared with it, what is appended from then on.
   * A group consumes one pattern of a stream, which RabbitMQ sees within a process only; a `work`
   * stream has its one group. At most `prefetch` deliveries are in this call's hands at a time.
   * While a handler runs its message is given to nobody else, unless the broker was lost meanwhile
   * or the handler takes for ever: five minutes on NATS, on RabbitMQ its `consumer_timeout` of half
   * an hour. That of a member that died is, at once on RabbitMQ, after half a minute on NATS. A
   * handler that throws counts as `again`, with a wait that grows from 0.1 to 30 s.
   * Resolves after `stop` aborts and every delivery in hand is settled. An absent broker, a
   * stream or a group that was deleted do not end it: it makes them anew and goes on.
   * @throws BrokerError `broker.no_stream`, `broker.invalid`, `broker.forbidden` or
   * `broker.conflict`, when it starts.
   */
  consume(
    pattern: string,
    group: string,
    handle: Handler,
    stop: AbortSignal,
    options?: ConsumeOptions,
  ): Promise<void>;
  stats(): BrokerStats;
  /**
   * Calls `changed` with false when the broker is lost and with true when it is back, not for
   * `close`. @returns what ends the calls.
   */
  onConnectionChange(changed: (connected: boolean) => void): () => void;
  /** Idempotent. Call it after each `consume` and `serve` has resolved; what runs still is left. */
  close(): Promise<void>;
}

/**
 * Names are words of letters, digits and `-`, none beginning with `Nats-`; compare them exactly.
 * Values are one line without spaces around it. All of them take at most 2,048 bytes.
 */
export type Headers = Readonly<Record<string, string>>;

export type Hint = { readonly topic: string; readonly body: Uint8Array };

/**
 * `id`, 1 to 128 printable ASCII characters without spaces, makes repeats known as such. One that
 * came without from a sender outside has its place in the stream instead, and on RabbitMQ, which
 * tells no place, another one at each delivery.
 */
export type Message = {
  readonly id: string;
  readonly topic: string;
  readonly body: Uint8Array;
  readonly headers?: Headers;
};

/** A message and the name of those that keep their order with it. */
export type LaneMessage = Message & { readonly lane: string };

/**
 * How many messages are stored before the first that is not, and why that one is not; of
 * `append`'s refusals.
 */
export type Appended = { readonly stored: number; readonly failure: BrokerError | undefined };

/** Askers that do not go through this port may have sent an id and headers. */
export type Request = {
  readonly topic: string;
  readonly body: Uint8Array;
  readonly id: string | undefined;
  readonly headers: Headers;
};
export type Answer = (request: Request) => Promise<Uint8Array>;

/** A verdict on one delivery. Returned, so that it can be neither forgotten nor doubled. */
export type Settlement =
  | { readonly kind: 'done'; readonly reply?: Uint8Array }
  /**
   * Not before `afterMs`, at most ten minutes. RabbitMQ knows no such wait: the message stays in
   * the member's hands as one of its prefetch, and goes back at once when the member stops.
   */
  | { readonly kind: 'again'; readonly afterMs: number }
  /** Never again: a note of it goes to the dead topic, without the body, which may hold secrets. */
  | { readonly kind: 'dead'; readonly reason: string; readonly reply?: Uint8Array };

/**
 * How the sender of a message asks for the `reply` of its settlement, which goes there at most
 * once for each delivery. NATS publishes it to the topic `to`, memory as a hint, RabbitMQ to the
 * queue of that name; there the two are the properties `reply-to` and `correlation-id`. What is
 * said in `correlationId` is repeated (not in memory: hints have no headers). An address that
 * could reach names of ours, or that is no plain topic, is ignored and logged.
 */
export const REPLY_HEADERS = {
  to: 'Switchyard-Reply-To',
  correlationId: 'Switchyard-Correlation-Id',
} as const;

/** `attempt` counts deliveries from 1; it starts anew when a broker lost what it had stored. */
export type Handler = (
  message: Message,
  delivery: { readonly attempt: number },
) => Promise<Settlement>;

export type ConsumeOptions = {
  /** Default 64. */
  readonly prefetch?: number;
  /** Where the note of a dead message goes; without it the death is only logged. */
  readonly deadTopic?: (message: Message) => string;
  /** Hears once of each message of which the handler takes for ever, on NATS; it is logged too. */
  readonly overdue?: (message: Message) => void;
};

/** What stands in the headers of the note of a dead message. */
export const DEAD_HEADERS = {
  reason: 'Switchyard-Reason',
  id: 'Switchyard-Id',
  topic: 'Switchyard-Topic',
  length: 'Switchyard-Length',
  sha256: 'Switchyard-Sha256',
} as const;

/** Messages of `topics` (patterns do), kept on disk where the broker has one. */
export type StreamSpec = {
  readonly name: string;
  readonly topics: readonly string[];
  /** Without it as much as the broker allows. */
  readonly maxBytes?: number;
  /** For a stream that is made now; an operator may change it later. */
  readonly duplicateWindowMs: number;
} & (WorkSpec | LogSpec);

/**
 * For the one group `group`: each message is kept from the declaration on until that group has
 * settled it. What does not fit any more is refused rather than the oldest dropped.
 */
type WorkSpec = { readonly keep: 'work'; readonly group: string };

/**
 * Kept by age and size, for any number of groups; the oldest go. On RabbitMQ nothing is kept for
 * groups that come later: there `group` names the one for which messages are kept from the
 * declaration on, and without it the stream is an exchange to bind queues to.
 */
type LogSpec = { readonly keep: 'log'; readonly group?: string; readonly maxAgeMs: number };

export type BrokerStats = {
  readonly connected: boolean;
  readonly hintsDropped: number;
  readonly reconnects: number;
};

/** What a broker needs of a pino logger. */
export type BrokerLog = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** How one stream stands. */
export type StreamReport = {
  readonly name: string;
  readonly state: 'fine' | 'missing' | 'wrong';
  /** Of a wrong one, and of parts that are missing: a sentence that names it. Else empty. */
  readonly detail: string;
};

export type BrokerReport = {
  /** What is spoken to, as the server names it: `NATS 2.9.10`. */
  readonly server: string;
  readonly streams: readonly StreamReport[];
};
