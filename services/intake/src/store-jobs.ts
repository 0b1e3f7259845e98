import { type EndpointId, type InstanceId, type JobId, refuse } from '@switchyard/contracts';
import {
  acceptJobs,
  isOutcomeUnknown,
  type NewJob,
  readIdempotencyKeys,
  type Store,
  type StoredJobs,
  StoreUnavailable,
  type SubmissionSource,
} from '@switchyard/store';
import { confirmAccept } from './confirm-accept.ts';
import { noSuchEndpoint } from './resolve-endpoint.ts';

/** `repeat`: the idempotency key stands for this earlier job, which came with the same body. */
export type Accepted = { readonly kind: 'stored' | 'repeat'; readonly jobId: JobId };

/** What senders call the idempotency key that they give. */
export const KEY_NAMES: Readonly<Record<SubmissionSource, string>> = {
  http: 'Idempotency-Key',
  broker: 'message id',
};

/** What became of one job of a batch. */
export type Outcome =
  | Accepted
  | { readonly kind: 'mismatch' | 'unknown' | 'keyUnread' | 'noEndpoint' };

/** What became of a batch; most have nothing to be said of each job. */
export type Outcomes = 'allStored' | ReadonlyMap<JobId, Outcome>;

const NO_ENDPOINT: Outcome = { kind: 'noEndpoint' };

type Context = { readonly store: Store; readonly instance: InstanceId };

/**
 * Stores a batch of jobs of one endpoint, and says what became of each. `lane` names who does it:
 * two that do it at once would wait for each other's row of counts. Keys must not come twice.
 * @throws StoreUnavailable: nothing was stored; another error: nothing of the batch can be stored.
 */
export const storeJobs = async (
  context: Context,
  endpointId: EndpointId,
  source: SubmissionSource,
  lane: string,
  jobs: readonly NewJob[],
): Promise<Outcomes> => {
  const { store } = context;
  const settled = await storeOrConfirm(context, endpointId, source, lane, jobs);
  const { stored } = settled;
  if (stored === 'noEndpoint') return new Map(jobs.map(({ jobId }) => [jobId, NO_ENDPOINT]));
  if (stored === 'all' || stored.size === jobs.length) return 'allStored';
  const missing = jobs.filter(({ jobId }) => !stored.has(jobId));
  const keyed = await readKeysOf(store, endpointId, source, missing);
  return new Map(
    jobs.map((job): [JobId, Outcome] => {
      if (stored.has(job.jobId)) return [job.jobId, { kind: 'stored', jobId: job.jobId }];
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
  lane: string,
  jobs: readonly NewJob[],
): Promise<{ stored: StoredJobs; isKnown: boolean }> => {
  try {
    const process = `${instance}/accept/${lane}`;
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

/** Of jobs that were not stored, for certain. */
export const storeIsAway = () =>
  refuse('store.unavailable', 'The database is away; nothing was stored. Try again in a moment.', {
    retryAfterSeconds: 1,
  });

/** What the sender of `job` is told. @throws Refusal where it has no job. */
export const answerFor = (outcome: Outcome, source: SubmissionSource, job: NewJob): Accepted => {
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
      throw storeIsAway();
    case 'noEndpoint':
      throw noSuchEndpoint();
    default:
      return outcome satisfies never;
  }
};
