import { type EndpointId, type InstanceId, type JobId, refuse } from '@switchyard/contracts';
import { createKeyedBatcher, type Metrics } from '@switchyard/runtime';
import {
  acceptJobs,
  isOutcomeUnknown,
  type NewJob,
  readIdempotencyKeys,
  type Store,
  StoreUnavailable,
  type SubmissionSource,
} from '@switchyard/store';
import { confirmAccept } from './confirm-accept.ts';
import type { Changes } from './tell-changes.ts';

/** `repeat`: the idempotency key stands for this earlier job, which came with the same body. */
export type Accepted = { readonly kind: 'stored' | 'repeat'; readonly jobId: JobId };

export interface Acceptor {
  /**
   * Stores and queues a job; resolves after the commit.
   * @throws Refusal `idempotency.mismatch`, `store.unavailable`, `service.overloaded`: nothing was
   * stored; `outcome_unknown` with the id: nobody knows. StoreUnavailable: nothing was stored.
   */
  accept(endpointId: EndpointId, source: SubmissionSource, job: NewJob): Promise<Accepted>;
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

/** What senders call the idempotency key that they give. */
export const KEY_NAMES: Readonly<Record<SubmissionSource, string>> = {
  http: 'Idempotency-Key',
  broker: 'message id',
};

/** What became of one job of a batch. */
type Outcome = Accepted | { readonly kind: 'mismatch' | 'unknown' | 'keyUnread' | 'gaveUp' };

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
  // Apart, because the statement of a batch names the way in to which its keys belong.
  const batchers = {
    http: createBatcherOf(context, 'http', patience),
    broker: createBatcherOf(context, 'broker', patience),
  };
  return {
    accept: async (endpointId, source, job) => {
      const add = (pending: Pending) => batchers[source].add(endpointId, pending);
      return answerFor(await patience.wait(job, add), source, job);
    },
    idle: async () => {
      await Promise.all([batchers.http.idle(), batchers.broker.idle()]);
    },
  };
};

const createBatcherOf = (context: Context, source: SubmissionSource, { board }: Patience) => {
  const accepted = context.metrics.counter(
    'switchyard_jobs_accepted_total',
    'Jobs stored by this process.',
  );
  return createKeyedBatcher<EndpointId, Pending, Outcome>({
    run: async (endpointId, batch) => {
      const jobs = batch.filter(board).map(({ job }) => job);
      if (jobs.length === 0) return batch.map(() => ({ kind: 'gaveUp' }));
      const outcomes = await acceptBatch(context, endpointId, source, jobs);
      const stored = [...outcomes.values()].filter(({ kind }) => kind === 'stored').length;
      accepted.add(stored);
      if (stored > 0) context.changes.queued(endpointId);
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
};

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

const acceptBatch = async (
  context: Context,
  endpointId: EndpointId,
  source: SubmissionSource,
  jobs: readonly NewJob[],
): Promise<ReadonlyMap<JobId, Outcome>> => {
  const { store } = context;
  const settled = await storeOrConfirm(context, endpointId, source, jobs);
  const missing = jobs.filter(({ jobId }) => !settled.stored.has(jobId));
  const keyed = await readKeysOf(store, endpointId, source, missing);
  return new Map(
    jobs.map((job): [JobId, Outcome] => {
      if (settled.stored.has(job.jobId)) return [job.jobId, { kind: 'stored', jobId: job.jobId }];
      if (job.idempotency === undefined) return [job.jobId, { kind: 'unknown' }];
      const held = keyed?.get(job.idempotency.key);
      if (held === undefined) {
        return [job.jobId, { kind: settled.isKnown ? 'keyUnread' : 'unknown' }];
      }
      return [job.jobId, outcomeOf(job, job.idempotency.bodyHash, held)];
    }),
  );
};

const outcomeOf = (
  job: NewJob,
  bodyHash: Buffer,
  held: { readonly jobId: JobId; readonly bodyHash: Buffer },
): Outcome => {
  if (held.jobId === job.jobId) return { kind: 'stored', jobId: job.jobId };
  return held.bodyHash.equals(bodyHash)
    ? { kind: 'repeat', jobId: held.jobId }
    : { kind: 'mismatch' };
};

/** Which jobs are stored; not `isKnown` where the fate of the others is open. */
const storeOrConfirm = async (
  { store, instance }: Context,
  endpointId: EndpointId,
  source: SubmissionSource,
  jobs: readonly NewJob[],
): Promise<{ stored: ReadonlySet<JobId>; isKnown: boolean }> => {
  try {
    // Rows of counts of their own, so that batches of the two ways in do not wait for each other.
    const process = `${instance}/accept/${source}`;
    return { stored: await acceptJobs(store, endpointId, process, source, jobs), isKnown: true };
  } catch (error) {
    if (!(error instanceof StoreUnavailable) || !isOutcomeUnknown(error)) throw error;
    const ids = jobs.map(({ jobId }) => jobId);
    const stored = await confirmAccept(store, endpointId, ids);
    // The statement is whole or not at all: one job that is there speaks for the others.
    return { stored, isKnown: stored.size > 0 };
  }
};

/**
 * What the keys of `jobs` stand for; undefined when the database cannot say. It must not fail: the
 * batch is stored by then, and a failure would have it stored again.
 */
const readKeysOf = async (
  store: Store,
  endpointId: EndpointId,
  source: SubmissionSource,
  jobs: readonly NewJob[],
) => {
  const keys = jobs.flatMap(({ idempotency }) => idempotency?.key ?? []);
  if (keys.length === 0) return undefined;
  try {
    return await readIdempotencyKeys(store, endpointId, source, keys);
  } catch {
    return undefined;
  }
};

const storeIsAway = () =>
  refuse('store.unavailable', 'The database is away; nothing was stored. Try again in a moment.', {
    retryAfterSeconds: 1,
  });

const answerFor = (outcome: Outcome, source: SubmissionSource, job: NewJob): Accepted => {
  switch (outcome.kind) {
    case 'stored':
    case 'repeat':
      return outcome;
    case 'mismatch':
      throw refuse(
        'idempotency.mismatch',
        `This ${KEY_NAMES[source]} was sent with another body within the last 24 hours.`,
      );
    case 'unknown':
      throw refuse(
        'outcome_unknown',
        'The database went away before it said whether the job was stored; ask for its status.',
        { id: job.jobId, retryAfterSeconds: 1 },
      );
    case 'keyUnread':
    case 'gaveUp':
      throw storeIsAway();
    default:
      return outcome satisfies never;
  }
};
