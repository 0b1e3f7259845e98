import type { EndpointId, InstanceId, JobId } from '@switchyard/contracts';
import { findHeld, isPassing, type Store, touchWorkers } from '@switchyard/store';
import type { Stopper } from '../stop-jobs.ts';
import { HELD_SIGN_MS, type Presence, type WorkerBook } from '../track-workers.ts';

/** A sign of life is stored this often, in ms: a worker counts as lost after 30,000. */
const SIGN_EVERY_MS = 5_000;
/** A job that was handed over just now may be listed before its lease is seen, in ms. */
const LISTED_TOO_EARLY_MS = 2_000;

export type SignContext = {
  readonly store: Store;
  readonly instance: InstanceId;
  readonly workers: WorkerBook;
  readonly stopper: Stopper;
  readonly processes: { owns(workerId: string): boolean };
};

/**
 * Stores which workers are there and what they hold. A job that a worker lists twice without
 * holding its lease gets a stop. What fails for one endpoint is done for the others.
 * @param stored is called once the signs are stored, unless the database was away for some.
 * @throws what the first endpoint failed with, in the end.
 */
export const storeSigns = async (context: SignContext, stored: () => void): Promise<void> => {
  const nowMs = performance.now();
  const due = [...context.workers.all()].filter((worker) => isDue(context, worker, nowMs));
  const groups = [...Map.groupBy(due, (worker) => worker.endpointId)];
  // All of them first: in the time that the look takes, workers would count as silent.
  const touched = await Promise.allSettled(
    groups.map(([endpointId, workers]) => storeSignsOf(context, endpointId, workers, nowMs)),
  );
  const isAway = touched.some((one) => one.status === 'rejected' && isPassing(one.reason));
  if (!isAway) stored();
  const looked = await Promise.allSettled(
    touched.map(async (one) => {
      if (one.status === 'fulfilled') await stopWhatIsNotHeld(context, one.value, nowMs);
    }),
  );
  context.workers.forgetSilent();
  context.stopper.forgetOld();
  if (!isAway) context.stopper.endDisobedient();
  const failed = [...touched, ...looked].find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
};

const isDue = ({ processes }: SignContext, worker: Presence, nowMs: number): boolean => {
  const held = worker.poll ?? worker.wakeStopPoll ?? worker.wakeExchange;
  const asks = held !== undefined && nowMs - worker.askedAtMs <= HELD_SIGN_MS;
  // A handler that computes without a pause keeps its process silent, but the process is there.
  if (asks || processes.owns(worker.workerId)) worker.seenAtMs = nowMs;
  if (worker.inventory !== undefined) return true;
  return worker.seenAtMs > worker.storedAtMs && nowMs - worker.storedAtMs >= SIGN_EVERY_MS;
};

type Listing = {
  readonly endpointId: EndpointId;
  readonly lists: readonly { readonly worker: Presence; readonly jobIds: readonly JobId[] }[];
};

/** @returns what the workers list. */
const storeSignsOf = async (
  { store, instance }: SignContext,
  endpointId: EndpointId,
  workers: readonly Presence[],
  nowMs: number,
): Promise<Listing> => {
  const signs = workers.map((worker) => ({
    workerId: worker.workerId,
    state: worker.state,
    reason: worker.reason,
    slots: worker.slots,
    inventory: worker.inventory,
  }));
  await touchWorkers(store, endpointId, instance, signs);
  const lists = workers.flatMap((worker) =>
    worker.inventory === undefined ? [] : [{ worker, jobIds: worker.inventory }],
  );
  for (const worker of workers) {
    worker.storedAtMs = nowMs;
    if (worker.inventory !== undefined) worker.inventoryStoredAtMs = nowMs;
    worker.inventory = undefined;
  }
  return { endpointId, lists };
};

const stopWhatIsNotHeld = async (
  { store, stopper }: SignContext,
  { endpointId, lists }: Listing,
  nowMs: number,
): Promise<void> => {
  const listed = lists.flatMap(({ worker: { workerId }, jobIds }) =>
    jobIds.map((jobId) => ({ workerId, jobId })),
  );
  const held = listed.length === 0 ? [] : await findHeld(store, endpointId, listed);
  const live = new Set(held.map((lease) => `${lease.workerId}/${lease.jobId}`));
  for (const { worker, jobIds } of lists) {
    const { workerId, posting, suspects } = worker;
    const foreign = jobIds.filter((id) => !live.has(`${workerId}/${id}`) && !posting.has(id));
    worker.suspects = new Map(foreign.map((jobId) => [jobId, suspects.get(jobId) ?? nowMs]));
    const stops = [...worker.suspects]
      .filter(([, sinceMs]) => nowMs - sinceMs >= LISTED_TOO_EARLY_MS)
      .map(([jobId]) => ({ workerId, jobId, claimNo: 0, reason: 'not_held' as const }));
    stopper.stop(endpointId, stops);
  }
};
