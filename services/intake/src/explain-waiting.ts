import type { Endpoint, EndpointId, Health, SwitchyardStatus } from '@switchyard/contracts';
import { priorityOf } from '@switchyard/lifecycle';
import {
  type JobStatus,
  POSITION_MAX,
  readHealth,
  readPosition,
  type Store,
} from '@switchyard/store';

export interface WaitingExplainer {
  /** Why a queued job waits, and where it stands; undefined for a job that is not queued. */
  explain(endpoint: Endpoint, status: JobStatus): Promise<SwitchyardStatus['waiting']>;
}

type Workers = Health['workers'];

/** The workers of an endpoint are the same for all its jobs: one read serves this long, in ms. */
const WORKERS_MS = 500;
const ENDPOINTS_MAX = 10_000;

export const createWaitingExplainer = (store: Store): WaitingExplainer => {
  const known = new Map<
    EndpointId,
    { readonly atMs: number; readonly workers: Promise<Workers> }
  >();

  const workersOf = (id: EndpointId): Promise<Workers> => {
    const former = known.get(id);
    const nowMs = performance.now();
    if (former !== undefined && nowMs - former.atMs < WORKERS_MS) return former.workers;
    if (known.size >= ENDPOINTS_MAX) known.clear();
    const workers = readHealth(store, id).then((health) => health.workers);
    known.set(id, { atMs: nowMs, workers });
    // A failure is told to those who wait for it, and to nobody after them.
    workers.catch(() => known.delete(id));
    return workers;
  };

  return {
    explain: async (endpoint, status) => {
      if (status.state !== 'IN_QUEUE') return undefined;
      const id = endpoint.id as EndpointId;
      const [ahead, workers] = await Promise.all([readPosition(store, id, status), workersOf(id)]);
      const position = ahead < POSITION_MAX ? ahead + 1 : BEYOND;
      return { reason: reasonFor(endpoint, status, workers), position };
    },
  };
};

const BEYOND = `${POSITION_MAX}+` as '1000+';

/** Stable sentences: people read them, and dashboards group by them. */
const reasonFor = (endpoint: Endpoint, status: JobStatus, workers: Workers): string => {
  if (endpoint.paused) return 'The endpoint is paused.';
  const isLow = priorityOf(status.rank) === 'low';
  if (workers.ready === 0 && workers.initializing > 0) return 'Workers are starting.';
  if (workers.ready === 0 && workers.unhealthy > 0) return 'All workers are unhealthy.';
  if (workers.ready === 0) {
    return isLow
      ? 'There is no worker yet, and low priority starts none.'
      : 'There is no worker yet.';
  }
  if (workers.idle === 0) return 'All workers are busy.';
  return isLow ? 'Low priority waits for high.' : 'It is next in line for a free worker.';
};
