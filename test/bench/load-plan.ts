/** What the load generator is told to do. */
export type LoadPlan = {
  readonly origin: string;
  readonly method: 'GET' | 'POST';
  /** Asked in turn. */
  readonly paths: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** The STAMP in it, where there is one, becomes the moment of sending. */
  readonly body?: string;
  /** Requests under way at once, each on a kept connection. */
  readonly connections: number;
  /** Not counted: requests that are sent before the clock starts. */
  readonly warmUp?: number;
  /** Whichever comes first. */
  readonly requests?: number;
  readonly durationMs?: number;
  /** Without it each request follows the one before at once. */
  readonly perSecond?: number;
  /** Whether the report holds the `id` of each answer. */
  readonly keepIds?: boolean;
};

export type LoadReport = {
  /** When the first counted request was sent, on the clock of `nowUs`. */
  readonly startedUs: number;
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were no success, by status, with the first body of each. */
  readonly refusals: Readonly<Record<string, { count: number; first: string }>>;
  readonly ids: readonly string[];
};
