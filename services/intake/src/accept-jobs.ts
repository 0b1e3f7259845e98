import type { EndpointId, InstanceId, JobId } from '@switchyard/contracts';
import { createKeyedBatcher, type Metrics } from '@switchyard/runtime';
import {
  type NewJob,
  type Store,
  StoreUnavailable,
  type SubmissionSource,
} from '@switchyard/store';
import { type Accepted, answerFor, type Outcome, storeIsAway, storeJobs } from './store-jobs.ts';
import type { Changes } from './tell-changes.ts';

export interface Acceptor {
  /**
   * Stores and queues a job; resolves after the commit.
   * @throws Refusal `idempotency.mismatch`, `store.unavailable`, `service.overloaded`: nothing was
   * stored; `outcome_unknown` with the id: nobody knows. StoreUnavailable: nothing was stored.
   */
  accept(endpointId: EndpointId, source: SubmissionSource, job: NewJob): Promise<Accepted>;
  /**
   * Stores jobs of HTTP that come as a batch already, none of whose keys comes twice, and says what
   * became of each. Batches of one `lane` must not be under way at once.
   * @throws StoreUnavailable, or another error, as `storeJobs`: nothing was stored.
   */
  acceptBatch(
    endpointId: EndpointId,
    lane: string,
    jobs: readonly NewJob[],
  ): Promise<ReadonlyMap<JobId, Outcome>>;
  /** Resolves once every job that came in has its answer. */
  idle(): Promise<void>;
}

const BATCH_MAX_JOBS = 500;
const BATCH_MAX_BYTES = 8 * 1_048_576;
const WAITING_MAX_JOBS = 5_000;
const WAITING_MAX_BYTES = 64 * 1_048_576;
/** Jobs that were not sent to the database by then are refused, in ms: the client may try again. */
const WAIT_MAX_MS = 2_500;
const WAIT_CHECK_MS = 250;

type Pending = {
  readonly job: NewJob;
  readonly addedAtMs: number;
  readonly giveUp: (error: Error) => void;
  state: 'waits' | 'flies' | 'gaveUp';
};

type Context = {
  readonly store: Store;
  readonly instance: InstanceId;
  readonly changes: Changes;
  readonly metrics: Metrics;
};

/** One batch of each endpoint and way in under way, the next one collecting behind it. */
export const createAcceptor = (context: Context): Acceptor => {
  const patience = createPatience();
  const store = createBatchStore(context);
  const batches = new Set<Promise<unknown>>();
  // Apart, because the statement of a batch names the way in to which its keys belong.
  const batchers = {
    http: createBatcherOf(store, 'http', patience),
    broker: createBatcherOf(store, 'broker', patience),
  };
  return {
    accept: async (endpointId, source, job) => {
      const add = (pending: Pending) => batchers[source].add(endpointId, pending);
      return answerFor(await patience.wait(job, add), source, job);
    },
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
  ): Promise<ReadonlyMap<JobId, Outcome>> => {
    const outcomes = await storeJobs(context, endpointId, source, lane, jobs);
    let stored = 0;
    for (const { kind } of outcomes.values()) if (kind === 'stored') stored += 1;
    accepted.add(stored);
    if (stored > 0) context.changes.queued(endpointId);
    return outcomes;
  };
};

const createBatcherOf = (store: BatchStore, source: SubmissionSource, { board }: Patience) =>
  createKeyedBatcher<EndpointId, Pending, Outcome>({
    run: async (endpointId, batch) => {
      const jobs = batch.filter(board).map(({ job }) => job);
      if (jobs.length === 0) return batch.map(() => ({ kind: 'gaveUp' }));
      // In lanes of their own, so that batches of the two ways in do not wait for each other.
      const outcomes = await store(endpointId, source, source, jobs);
      return batch.map(({ job }) => outcomes.get(job.jobId) ?? { kind: 'gaveUp' });
    },
    maxItems: BATCH_MAX_JOBS,
    maxBytes: BATCH_MAX_BYTES,
    sizeOf: ({ job }) => job.input.length + (job.secret?.length ?? 0),
    keyOf: ({ job }) => job.idempotency?.key,
    queueMax: WAITING_MAX_JOBS,
    queueMaxBytes: WAITING_MAX_BYTES,
    isPermanent: (error) => !(error instanceof StoreUnavailable),
  });

type Patience = ReturnType<typeof createPatience>;

/** Lets jobs that wait to be sent give up after WAIT_MAX_MS; those that fly have to land. */
const createPatience = () => {
  // In the order of their coming, so that the first one that may stay ends the look.
  const waiting = new Set<Pending>();
  let isWatched = false;

  const look = (): void => {
    const patientSinceMs = performance.now() - WAIT_MAX_MS;
    for (const pending of waiting) {
      if (pending.addedAtMs > patientSinceMs) break;
      waiting.delete(pending);
      pending.state = 'gaveUp';
      pending.giveUp(storeIsAway());
    }
    isWatched = waiting.size > 0;
    if (isWatched) setTimeout(look, WAIT_CHECK_MS);
  };

  return {
    /** Whether the job still wants to be sent; from then on it waits for its fate. */
    board: (pending: Pending): boolean => {
      waiting.delete(pending);
      if (pending.state === 'waits') pending.state = 'flies';
      return pending.state === 'flies';
    },
    wait: (job: NewJob, add: (pending: Pending) => Promise<Outcome>): Promise<Outcome> => {
      const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
      const pending: Pending = {
        job,
        addedAtMs: performance.now(),
        giveUp: reject,
        state: 'waits',
      };
      waiting.add(pending);
      if (!isWatched) setTimeout(look, WAIT_CHECK_MS);
      isWatched = true;
      add(pending).then(resolve, (error: Error) => {
        waiting.delete(pending);
        reject(error);
      });
      return promise;
    },
  };
};
