/** What the generator is told; it comes as JSON in its first argument. */
export type OfferPlan = {
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly endpoint: string;
  readonly pace: Pace;
  /** Requests under way at once, each on a kept connection. */
  readonly connections: number;
  readonly forMs: number;
  /** Gets the id of each acknowledged job on a line of its own. */
  readonly acknowledgedPath: string;
};

export type Pace =
  /** Open loop: at their time, whatever became of those before. */
  | { readonly kind: 'perSecond'; readonly requests: number }
  /** As many as keep so many jobs waiting in the queue. */
  | { readonly kind: 'keepWaiting'; readonly jobs: number }
  /** The next one as soon as the answer is there: as much as the generator and the server give. */
  | { readonly kind: 'most' };

/** What the generator prints at its end. */
export type OfferReport = {
  /** In ms since 1970. */
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  readonly sent: number;
  /** Were due while every connection had a request under way. */
  readonly unsent: number;
  /** By status. */
  readonly answers: Readonly<Record<string, AnswerFigures>>;
  /** Refusals that did not say when to come back. */
  readonly withoutRetryAfter: number;
  /** Requests without an answer, by the error of their connection. */
  readonly failures: Readonly<Record<string, number>>;
  /** The least that `/health` told to wait, where the pace is by that. */
  readonly leastWaiting: number | undefined;
};

export type AnswerFigures = {
  readonly count: number;
  /** How often each code of a refusal, with its Retry-After, came. */
  readonly reasons: Readonly<Record<string, number>>;
  /** From sending the request to its answer, in ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly slowestMs: number;
};
