import type { Broker } from '@switchyard/broker';
import {
  type EndpointId,
  type InstanceId,
  type JobId,
  type S3Config,
  S3ConfigSchema,
  topics,
  uuidOf,
  validator,
  type WorkerId,
} from '@switchyard/contracts';
import type { Log, Sealer } from '@switchyard/runtime';
import { type LostClaim, readInputs, requeueJobs, type Store } from '@switchyard/store';
import type { Finisher } from './finish-jobs.ts';
import type { Stopper } from './stop-jobs.ts';
import type { HandedJob, WorkerBook } from './track-workers.ts';

/** A claim that was addressed to this supervisor. */
export type Claim = {
  readonly jobId: JobId;
  readonly workerId: WorkerId;
  readonly claimNo: number;
  readonly executionTimeoutMs: number;
  readonly webhook: string | null;
  /** Undefined: too large for the message, to be read. */
  readonly input: Buffer | undefined;
  readonly secret: Buffer | undefined;
};

/** Claims that reached this supervisor, each with the monotonic time at which it did. */
export type ReceivedClaims = Map<JobId, { readonly claimNo: number; readonly atMs: number }>;

export type HandOverContext = {
  readonly store: Store;
  readonly broker: Pick<Broker, 'hint'>;
  readonly log: Log;
  readonly instance: InstanceId;
  readonly sealer: Sealer;
  readonly workers: WorkerBook;
  readonly finisher: Finisher;
  /** Claims that reached this supervisor, so that it can tell which did not. */
  readonly received: ReceivedClaims;
  /** Knows claims that were stopped or returned, before or after they came. */
  readonly stopper: Pick<Stopper, 'isStopped' | 'noteReturned'>;
};

/**
 * Hands claimed jobs to their workers. What a worker has no room for goes back to the queue at
 * once, with its rank kept and no attempt spent.
 */
export const handOver = async (
  context: HandOverContext,
  endpointId: EndpointId,
  claims: readonly Claim[],
): Promise<void> => {
  const { received, stopper } = context;
  // The same assign may come twice: a worker that is given a job again runs it again.
  const news = claims.filter((claim) => received.get(claim.jobId)?.claimNo !== claim.claimNo);
  const live = news.filter((claim) => !stopper.isStopped(claim.jobId, claim.claimNo));
  const atMs = performance.now();
  for (const claim of live) received.set(claim.jobId, { claimNo: claim.claimNo, atMs });
  const inputs = await readMissing(context, endpointId, live).catch((error: unknown) => {
    // As if they had not come: the reconciliation returns them unspent.
    for (const { jobId, claimNo } of live) {
      if (received.get(jobId)?.claimNo === claimNo) received.delete(jobId);
    }
    throw error;
  });
  const left: LostClaim[] = [];
  for (const [workerId, mine] of Map.groupBy(live, (claim) => claim.workerId)) {
    const jobs = mine.flatMap((claim) => prepare(context, endpointId, claim, inputs) ?? []);
    left.push(...context.workers.deliver(endpointId, workerId, jobs));
  }
  await handBack(context, endpointId, left);
};

/** Returns claims that were not handed over. What fails here, the reconciliation finds. */
export const handBack = async (
  { store, broker, instance, received, stopper }: HandOverContext,
  endpointId: EndpointId,
  claims: readonly LostClaim[],
): Promise<void> => {
  if (claims.length === 0) return;
  for (const claim of claims) received.delete(claim.jobId);
  stopper.noteReturned(claims);
  await requeueJobs(store, endpointId, `${instance}/hand-back`, 'not_handed_over', claims);
  broker.hint(topics.nudge(endpointId), new Uint8Array());
};

const readMissing = async (
  { store }: HandOverContext,
  endpointId: EndpointId,
  claims: readonly Claim[],
): Promise<ReadonlyMap<JobId, Buffer>> => {
  const missing = claims.filter((claim) => claim.input === undefined);
  if (missing.length === 0) return new Map();
  return readInputs(
    store,
    endpointId,
    missing.map((claim) => claim.jobId),
  );
};

const prepare = (
  context: HandOverContext,
  endpointId: EndpointId,
  claim: Claim,
  inputs: ReadonlyMap<JobId, Buffer>,
): HandedJob | undefined => {
  const input = claim.input ?? inputs.get(claim.jobId);
  if (input === undefined) return undefined;
  const { jobId, claimNo, executionTimeoutMs, webhook } = claim;
  if (claim.secret === undefined) {
    return { jobId, claimNo, executionTimeoutMs, webhook, input, s3Config: undefined };
  }
  const s3Config = openSecret(context, endpointId, claim.jobId, claim.secret);
  if (s3Config !== undefined) {
    return { jobId, claimNo, executionTimeoutMs, webhook, input, s3Config };
  }
  failUnreadable(context, endpointId, claim);
  return undefined;
};

const checkS3Config = validator(S3ConfigSchema);

const openSecret = (
  { sealer, log }: HandOverContext,
  endpointId: EndpointId,
  jobId: JobId,
  secret: Buffer,
): S3Config | undefined => {
  try {
    const text = sealer.open(secret, `${endpointId}|${uuidOf(jobId)}|s3Config`).toString();
    const found = checkS3Config(JSON.parse(text));
    return found.ok ? found.value : undefined;
  } catch (error) {
    log.error({ err: error, endpointId, jobId }, 'an s3Config cannot be opened');
    return undefined;
  }
};

const UNREADABLE = Buffer.from(
  JSON.stringify('The s3Config of the job cannot be opened: its master key is not configured.'),
);

/** Nobody can run it: it fails now, in the name of the worker that it was meant for. */
const failUnreadable = (context: HandOverContext, endpointId: EndpointId, claim: Claim): void => {
  const { jobId, workerId, claimNo } = claim;
  const finish = { jobId, workerId, claimNo, status: 'FAILED' as const, error: UNREADABLE };
  context.finisher
    .finish(endpointId, { ...finish, output: undefined }, claim.webhook !== null)
    .catch((error: unknown) => context.log.error({ err: error, jobId }, 'a job cannot be failed'));
};
