import { setTimeout as pause } from 'node:timers/promises';
import type { EndpointId, JobId } from '@switchyard/contracts';
import { readStoredJobs, type Store } from '@switchyard/store';

/** How long a commit of unknown fate is looked for, in ms, and how often. */
const LOOK_MAX_MS = 3_000;
const LOOK_EVERY_MS = 200;

/**
 * Looks, on other connections, for jobs whose commit was never confirmed. Not to find them proves
 * nothing: the server may still be at work on a statement whose client is gone.
 * @returns those that are stored; empty when none was seen in time.
 */
export const confirmAccept = async (
  store: Store,
  endpointId: EndpointId,
  jobIds: readonly JobId[],
): Promise<ReadonlySet<JobId>> => {
  const untilMs = performance.now() + LOOK_MAX_MS;
  for (;;) {
    const stored = await lookFor(store, endpointId, jobIds);
    if (stored.size > 0 || performance.now() + LOOK_EVERY_MS > untilMs) return stored;
    await pause(LOOK_EVERY_MS);
  }
};

const lookFor = async (
  store: Store,
  endpointId: EndpointId,
  jobIds: readonly JobId[],
): Promise<ReadonlySet<JobId>> => {
  try {
    return await readStoredJobs(store, endpointId, jobIds);
  } catch {
    // The database is away, or still not ready: the next look may tell.
    return new Set();
  }
};
