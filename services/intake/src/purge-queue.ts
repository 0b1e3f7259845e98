import type { EndpointId, InstanceId } from '@switchyard/contracts';
import {
  PURGE_MAX_JOBS,
  purgeDelayed,
  purgeQueue as purgeSome,
  readPurgeMoment,
  type Store,
} from '@switchyard/store';
import type { Changes } from './tell-changes.ts';

type Context = {
  readonly store: Store;
  readonly instance: InstanceId;
  readonly changes: Changes;
};

/**
 * Cancels every job that is queued now, and every one that waits for its start time; those that
 * come in meanwhile stay.
 * @returns how many were cancelled.
 */
export const purgeQueue = async (context: Context, endpointId: EndpointId): Promise<number> => {
  const { store, instance, changes } = context;
  const before = await readPurgeMoment(store);
  let removed = 0;
  // The delayed ones first: one that is queued meanwhile is found in the queue.
  for (const purge of [purgeDelayed, purgeSome]) {
    for (let more = true; more; ) {
      const jobIds = await purge(store, endpointId, `${instance}/control`, before);
      removed += jobIds.length;
      changes.cancelled(
        endpointId,
        jobIds.map((jobId) => ({ jobId, running: undefined })),
      );
      more = jobIds.length === PURGE_MAX_JOBS;
    }
  }
  return removed;
};
