import type { EndpointId, InstanceId } from '@switchyard/contracts';
import {
  PURGE_MAX_JOBS,
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
 * Cancels every job that is queued now; those that come in meanwhile stay.
 * @returns how many were cancelled.
 */
export const purgeQueue = async (context: Context, endpointId: EndpointId): Promise<number> => {
  const { store, instance, changes } = context;
  const before = await readPurgeMoment(store);
  let removed = 0;
  for (;;) {
    const jobIds = await purgeSome(store, endpointId, `${instance}/control`, before);
    removed += jobIds.length;
    changes.cancelled(
      endpointId,
      jobIds.map((jobId) => ({ jobId, running: undefined })),
    );
    if (jobIds.length < PURGE_MAX_JOBS) return removed;
  }
};
