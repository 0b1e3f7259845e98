/** What a producer publishes: the body of `/run`, and what makes it idempotent. */
export type Publication = {
  readonly endpoint: string;
  readonly body: string | Buffer;
  readonly id?: string;
};

/** The note of a message that was refused for good. */
export type DeadLetter = {
  readonly topic: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
};

export type HeardEvent = { readonly topic: string; readonly body: Buffer };

/** A program outside that knows only the broker, through the vendor's own client. */
export type Producer = AsyncDisposable & {
  /** Resolves once the broker has stored it. */
  publish(publication: Publication): Promise<void>;
  /** Publishes durably, and waits for the answer at an address of its own. */
  publishAndHear(publication: Publication): Promise<Buffer>;
  /** Asks and waits: nothing is stored where the broker has a way without. */
  ask(publication: Publication): Promise<Buffer>;
  /** Every dead letter so far; they stay where they are. */
  deadLetters(): Promise<DeadLetter[]>;
  /** Submissions at the broker; on RabbitMQ without those that are in a consumer's hands. */
  waiting(): Promise<number>;
  /** What the broker tells of them besides, in words. */
  describeWaiting(): Promise<string>;
  /** Has the broker forget message ids after `ms`, where it remembers any. */
  setDuplicateWindow(ms: number): Promise<void>;
  /** Lifecycle events from now on. */
  hearEvents(hear: (event: HeardEvent) => void): Promise<void>;
};

/** How long an answer may take, in ms. */
export const ANSWER_MAX_MS = 30_000;
