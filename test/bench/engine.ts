/** A queue library at work inside of one process: what peers and the reference are. */
export type Engine = {
  /** Stores one job durably. @returns its id. */
  readonly add: (input: object) => Promise<string>;
  /** Stores many at once, by the fastest way that it documents. */
  readonly addMany: (inputs: readonly object[]) => Promise<void>;
  /** Runs jobs through `handle`; resolves once it takes them. */
  readonly work: (handle: (input: unknown) => void) => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** Settings that serve many jobs serve a single one late, and the other way round. */
export type Purpose = 'throughput' | 'latency';

export type EnginePlan = {
  readonly engine: EngineName;
  /** Of Postgres or of Redis. */
  readonly url: string;
  readonly purpose: Purpose;
};

export type EngineName = 'reference' | 'pg-boss' | 'graphile-worker' | 'bullmq';
