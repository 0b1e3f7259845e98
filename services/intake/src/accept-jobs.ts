import type { EndpointId, InstanceId, JobId } from '@switchyard/contracts';
import { createKeyedBatcher, type Metrics } from '@switchyard/runtime';
import {
  type NewJob,
  type Store,
  StoreUnavailable,
  type SubmissionSource,
} from '@switchyard/store';
import {
  type Accepted,
  answerFor,
  type Outcome,
  type Outcomes,
  storeIsAway,
  storeJobs,
} from './store-jobs.ts';
import type { Changes } from './tell-changes.ts';

export interface Acceptor {
  /**
   * Stores and queues a job; resolves after the commit.
   * @throws Refusal `idempotency.mismatch`, `endpoint.not_found`, `store.unavailable`,
   * `service.overloaded`: nothing was stored; `outcome_unknown` with the id: nobody knows.
   * StoreUnavailable: nothing was stored.
   */
  accept(endpointId: EndpointId, source: SubmissionSource, job: NewJob): Promise<Accepted>;
  /**
   * Stores jobs of HTTP that come as a batch already, none of whose keys comes twice, and says what
   * became of each. Batches of one `lane` must not be under way at once.
   * @throws StoreUnavailable, or another error, as `storeJobs`: nothing was stored.
   */
  acceptBatch(endpointId: EndpointId, lane: string, jobs: readonly NewJob[]): Promise<Outcomes>;
  /** Resolves once every job that came in has its answer. */
  idle(): Promise<void>;
}

const BATCH_MAX_JOBS = 500;
const BATCH_MAX_BYTES = 8 * 1_048_576;
const WAITING_MAX_JOBS = 5_000;
const WAITING_MAX_BYTES = 64 * 1_048_576;
/** Jobs that were not sent to the database by then are refused, in ms: the client may try again. */
const WAIT_MAX_MS = 2_500;

type Context = {
  readonly store: Store;
  readonly instance: InstanceId;
  readonly changes: Changes;
  readonly metrics: Metrics;
};

/** One batch of each endpoint and way in under way, the next one collecting behind it. */
export const createAcceptor = (context: Context): Acceptor => {
  const store = createBatchStore(context);
  const batches = new Set<Promise<unknown>>();
  // Apart, because the statement of a batch names the way in to which its keys belong.
  const batchers = {
    http: createBatcherOf(store, 'http', context.changes),
    broker: createBatcherOf(store, 'broker', context.changes),
  };
  return {
    accept: async (endpointId, source, job) =>
      answerFor(await batchers[source].add(endpointId, job), source, job),
    acceptBatch: async (endpointId, lane, jobs) => {
      const stored = store(endpointId, 'http', lane, jobs);
      batches.add(stored);
      return await stored.finally(() => batches.delete(stored));
    },
    idle: async () => {
      await Promise.all([batchers.http.idle(), batchers.broker.idle()]);
      await Promise.allSettled(batches);
    },
  };
};

type BatchStore = ReturnType<typeof createBatchStore>;

/** Stores batches, counts what it stored and tells the other services. */
const createBatchStore = (context: Context) => {
  const accepted = context.metrics.counter(
    'switchyard_jobs_accepted_total',
    'Jobs stored by this process.',
  );
  return async (
    endpointId: EndpointId,
    source: SubmissionSource,
    lane: string,
    jobs: readonly NewJob[],
  ): Promise<Outcomes> => {
    const outcomes = await storeJobs(context, endpointId, source, lane, jobs);
    const stored = outcomes === 'allStored' ? jobs.length : countStored(outcomes);
    accepted.add(stored);
    if (stored > 0) context.changes.queued(endpointId, stored);
    return outcomes;
  };
};

const countStored = (outcomes: ReadonlyMap<JobId, Outcome>): number => {
  let stored = 0;
  for (const { kind } of outcomes.values()) if (kind === 'stored') stored += 1;
  return stored;
};

const createBatcherOf = (store: BatchStore, source: SubmissionSource, changes: Changes) =>
  createKeyedBatcher<EndpointId, NewJob, Outcome>({
    run: async (endpointId, jobs) => {
      // In lanes of their own, so that batches of the two ways in do not wait for each other.
      const outcomes = await store(endpointId, source, source, jobs);
      return jobs.map(({ jobId }) =>
        outcomes === 'allStored'
          ? { kind: 'stored', jobId }
          : (outcomes.get(jobId) ?? { kind: 'unknown' }),
      );
    },
    maxItems: BATCH_MAX_JOBS,
    maxBytes: BATCH_MAX_BYTES,
    sizeOf: ({ input, secret }) => input.length + (secret?.length ?? 0),
    keyOf: ({ idempotency }) => idempotency?.key,
    queueMax: WAITING_MAX_JOBS,
    queueMaxBytes: WAITING_MAX_BYTES,
    patience: { waitMaxMs: WAIT_MAX_MS, gaveUp: storeIsAway },
    isPermanent: (error) => !(error instanceof StoreUnavailable),
    onIdle: changes.settled,
  });
