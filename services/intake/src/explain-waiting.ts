import type { Endpoint, EndpointId, Health, SwitchyardStatus } from '@switchyard/contracts';
import { priorityOf } from '@switchyard/lifecycle';
import {
  type JobStatus,
  POSITION_MAX,
  readHealth,
  readPosition,
  type Store,
} from '@switchyard/store';

/** Why a queued job waits, and where it stands; undefined for a job that is not queued. */
export const explainWaiting = async (
  store: Store,
  endpoint: Endpoint,
  status: JobStatus,
): Promise<SwitchyardStatus['waiting']> => {
  if (status.state !== 'IN_QUEUE') return undefined;
  const id = endpoint.id as EndpointId;
  const [ahead, health] = await Promise.all([
    readPosition(store, id, status),
    readHealth(store, id),
  ]);
  const position = ahead < POSITION_MAX ? ahead + 1 : (`${POSITION_MAX}+` as '1000+');
  return { reason: reasonFor(endpoint, status, health.workers), position };
};

/** Stable sentences: people read them, and dashboards group by them. */
const reasonFor = (endpoint: Endpoint, status: JobStatus, workers: Health['workers']): string => {
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
