import type { Broker } from '@switchyard/broker';
import {
  type EndpointId,
  type InstanceId,
  type JobId,
  type RequeueReason,
  topics,
} from '@switchyard/contracts';
import type { Log } from '@switchyard/runtime';
import {
  deleteKey,
  findLeasesOfWorker,
  forgetWorker,
  type LostClaim,
  requeueJobs,
  type Store,
} from '@switchyard/store';
import type { WorkerBook } from '../track-workers.ts';
import { repeatWhileAway } from './repeat-while-away.ts';
import type { HostedProcess } from './worker-host.ts';

export type SettleContext = {
  readonly store: Store;
  readonly broker: Pick<Broker, 'hint'>;
  readonly log: Log;
  readonly instance: InstanceId;
  readonly workers: Pick<WorkerBook, 'drain' | 'find' | 'forget'>;
};

export type EndedWorker = Pick<HostedProcess, 'workerId' | 'endpointId' | 'keyId'>;
export type EndReason = Extract<RequeueReason, 'worker_exited' | 'switchyard_ended_it'>;

const NOTHING = new Uint8Array();

/**
 * Clears up after a worker whose process is gone: its jobs go back to the queue, its key opens
 * nothing any more, and nobody waits for it. While the database is away this goes on trying, until
 * `stop` aborts; what is left undone then, the scheduler's sweep of lost workers does.
 */
export const settleWorker = async (
  context: SettleContext,
  worker: EndedWorker,
  reason: EndReason,
  stop: AbortSignal,
): Promise<void> => {
  const { store, log, workers } = context;
  const { endpointId, workerId, keyId } = worker;
  const presence = workers.find(endpointId, workerId);
  const posting = presence?.posting ?? new Map<JobId, unknown>();
  const unread = new Set(presence?.mailbox.map(({ job }) => job.jobId));
  // First, so that what the scheduler still hands to it comes back at once.
  workers.forget(endpointId, workerId);
  const settle = async (): Promise<boolean> => {
    const leases = await findLeasesOfWorker(store, endpointId, workerId);
    // A result that came before the end may still be on its way into the database.
    const lost = leases.filter(({ jobId }) => !posting.has(jobId));
    const isUnread = ({ jobId }: LostClaim): boolean => unread.has(jobId);
    await giveBack(context, endpointId, 'not_handed_over', lost.filter(isUnread));
    const begun = lost.filter((lease) => !isUnread(lease));
    await giveBack(context, endpointId, reason, begun);
    if (lost.length < leases.length) return false;
    await forgetWorker(store, endpointId, workerId);
    await deleteKey(store, keyId);
    return true;
  };
  try {
    const done = await repeatWhileAway(settle, stop);
    if (!done) log.warn({ endpointId, workerId }, 'the jobs of a worker are left to the sweep');
  } catch (error) {
    log.error({ err: error, endpointId, workerId }, 'the end of a worker cannot be settled');
  }
};

const giveBack = async (
  { store, broker, instance }: SettleContext,
  endpointId: EndpointId,
  reason: RequeueReason,
  claims: readonly LostClaim[],
): Promise<void> => {
  if (claims.length === 0) return;
  const { requeued, failed } = await requeueJobs(
    store,
    endpointId,
    `${instance}/exit`,
    reason,
    claims,
  );
  const jobs = [...requeued, ...failed];
  if (jobs.length === 0) return;
  broker.hint(topics.changed, Buffer.from(JSON.stringify({ endpoint: endpointId, jobs })));
  broker.hint(topics.appended, NOTHING);
  if (requeued.length > 0) broker.hint(topics.nudge(endpointId), NOTHING);
  if (failed.length > 0) broker.hint(topics.due, NOTHING);
};
