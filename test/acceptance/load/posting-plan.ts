/** What the client process is told to do; it comes as JSON in its first argument. */
export type PostingPlan = {
  readonly apiUrl: string;
  readonly endpoint: string;
  readonly apiKey: string;
  readonly count: number;
  /** Posts under way at once, each on a kept connection. */
  readonly concurrency: number;
  /** Without it each post follows the one before at once. */
  readonly perSecond?: number;
  /** The pauses before each try after a failed one, in ms; empty: a failure is final. */
  readonly retryAfterMs: readonly number[];
  /** Sent with the number of the job behind it; without it no Idempotency-Key is sent. */
  readonly keyPrefix?: string;
  /** Gets a line `number id` for each acknowledgement, on disk before it counts. */
  readonly acknowledgedPath: string;
  /** The JSON of each job's input instead of `inputOf`. */
  readonly input?: string;
  /** Every so many jobs name this webhook. */
  readonly webhook?: { readonly url: string; readonly every: number };
};

/** What the client prints when each post has its answer or was given up. */
export type PostingReport = {
  readonly acknowledged: number;
  readonly givenUp: number;
  readonly retries: number;
  /** Failed tries by what was said: a status with its code, or the error of the connection. */
  readonly failures: Readonly<Record<string, number>>;
  /** From sending the last try to its answer, in ms. */
  readonly acceptP50Ms: number;
  readonly acceptP99Ms: number;
  readonly elapsedMs: number;
  /** When it began, in ms since 1970. */
  readonly beganAtMs: number;
  /** What became of each second of it. */
  readonly seconds: readonly PostedSecond[];
};

/** The acknowledgements that came within one second. */
export type PostedSecond = { readonly acknowledged: number; readonly slowestMs: number };

/** The bytes of the input of job `n`; the large number shows whether anything parses them. */
export const inputOf = (n: number): string =>
  `{"do":"echo","n":${n}, "exact":12345678901234567890.10}`;
