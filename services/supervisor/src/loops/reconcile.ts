import type { Broker } from '@switchyard/broker';
import { type EndpointId, type InstanceId, topics, type WorkerId } from '@switchyard/contracts';
import {
  claimJobs,
  findHeld,
  findLeasesAddressedTo,
  type LostClaim,
  requeueJobs,
  type Store,
} from '@switchyard/store';
import type { Claim, ReceivedClaims } from '../hand-over-jobs.ts';
import { demandOf } from '../send-demand.ts';
import type { Stopper } from '../stop-jobs.ts';
import type { WorkerBook } from '../track-workers.ts';

/** An assign that did not come within this time was lost, in ms. */
const ASSIGN_LOST_MS = 2_000;
/** What the two clocks may differ in over that time, in ms. */
const SLACK_MS = 1_000;
/** A job in a mailbox whose worker did not come back for it within this time returns, in ms. */
const MAIL_KEPT_MS = 2_000;

export type ReconcileContext = {
  readonly store: Store;
  readonly broker: Pick<Broker, 'hint'>;
  readonly instance: InstanceId;
  readonly workers: WorkerBook;
  readonly received: ReceivedClaims;
  readonly stopper: Stopper;
  readonly handBack: (endpointId: EndpointId, claims: readonly LostClaim[]) => Promise<void>;
  readonly handOver: (endpointId: EndpointId, claims: readonly Claim[]) => Promise<void>;
};

/**
 * Returns leases that name this instance but whose assign never came, and forgets received claims
 * whose lease has ended: a lease is at least as old as its assign, so one that is not among those
 * older than ASSIGN_LOST_MS by then is gone. What a worker holds of those is stopped.
 */
export const returnLostAssigns = async (context: ReconcileContext): Promise<void> => {
  const { store, broker, instance, received } = context;
  const forgetBefore = performance.now() - ASSIGN_LOST_MS - SLACK_MS;
  const leases = await findLeasesAddressedTo(store, instance, ASSIGN_LOST_MS);
  const lost = leases.filter((lease) => received.get(lease.jobId)?.claimNo !== lease.claimNo);
  for (const [endpointId, claims] of Map.groupBy(lost, (lease) => lease.endpointId)) {
    await returnClaims(context, endpointId, claims);
    broker.hint(topics.nudge(endpointId), new Uint8Array());
  }
  const live = new Set(leases.map((lease) => lease.jobId));
  for (const [jobId, { atMs }] of received) {
    if (atMs < forgetBefore && !live.has(jobId)) received.delete(jobId);
  }
  await stopWhatHasEnded(context);
};

/** The hint that told of it may be lost, and a worker that hangs does not say what it holds. */
const stopWhatHasEnded = async (context: ReconcileContext): Promise<void> => {
  const { store, workers, received, stopper } = context;
  const doubtful = [...workers.all()].flatMap((worker) =>
    [...worker.holds]
      .filter(([jobId, { claimNo }]) => received.get(jobId)?.claimNo !== claimNo)
      .map(([jobId, { claimNo }]) => ({ worker, workerId: worker.workerId, jobId, claimNo })),
  );
  for (const [endpointId, holds] of Map.groupBy(doubtful, ({ worker }) => worker.endpointId)) {
    const held = await findHeld(store, endpointId, holds);
    const live = new Set(held.map((lease) => `${lease.workerId}/${lease.jobId}`));
    for (const { worker, workerId, jobId, claimNo } of holds) {
      // A result that is being stored, or was stored meanwhile, leaves nothing to stop.
      const isRunning = worker.holds.get(jobId)?.claimNo === claimNo && !worker.posting.has(jobId);
      if (!isRunning || live.has(`${workerId}/${jobId}`)) continue;
      stopper.stop(endpointId, [{ workerId, jobId, claimNo, reason: 'not_held' }]);
    }
  }
};

/**
 * The claims count as received from here on: an assign that comes after all, while the job returns
 * to the queue, would have a worker run what another one is about to run.
 */
const returnClaims = async (
  { store, instance, received, stopper }: ReconcileContext,
  endpointId: EndpointId,
  claims: readonly LostClaim[],
): Promise<void> => {
  const atMs = performance.now();
  for (const { jobId, claimNo } of claims) received.set(jobId, { claimNo, atMs });
  try {
    await requeueJobs(store, endpointId, `${instance}/reconcile`, 'assign_lost', claims);
  } catch (error) {
    for (const { jobId } of claims) received.delete(jobId);
    throw error;
  }
  // For longer than they count as received: a scheduler that was stopped sends it when it goes on.
  stopper.noteReturned(claims);
};

/** Returns jobs whose worker did not fetch them. */
export const returnOldMail = async ({ workers, handBack }: ReconcileContext): Promise<void> => {
  const before = performance.now() - MAIL_KEPT_MS;
  for (const worker of workers.all()) {
    const old = worker.mailbox.filter(({ atMs }) => atMs < before).map(({ job }) => job);
    if (old.length === 0) continue;
    worker.mailbox.splice(0, old.length);
    // Nothing more until it asks again.
    worker.free = 0;
    await handBack(worker.endpointId, old);
  }
};

/** Claims for its own workers while no scheduler hears this supervisor. */
export const claimForOwn = async (context: ReconcileContext): Promise<void> => {
  for (const { endpoint, workers } of demandOf(context.workers)) {
    const endpointId = endpoint as EndpointId;
    const seats = workers.flatMap(({ worker, free }) =>
      Array.from({ length: Math.min(free, 100) }, () => ({
        workerId: worker as WorkerId,
        instance: context.instance,
      })),
    );
    const process = `${context.instance}/claim`;
    const claimed = await claimJobs(context.store, endpointId, process, seats, true);
    await context.handOver(endpointId, claimed);
  }
};
