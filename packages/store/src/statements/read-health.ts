import type { EndpointId, Health } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { BEAT_STALE_MS } from './beat-supervisor.ts';

/** A worker that was not heard of for this long is lost, and counted nowhere. */
export const WORKER_LOST_MS = 30_000;

const COUNTS = statement({
  name: 'read_counts',
  text: `select coalesce(sum(queued), 0)::bigint as queued,
    coalesce(sum(running), 0)::bigint as running,
    coalesce(sum(completed), 0)::bigint as completed, coalesce(sum(failed), 0)::bigint as failed,
    coalesce(sum(retried), 0)::bigint as retried
  from counts where endpoint_id = $1`,
});

const WORKERS = statement({
  name: 'read_worker_counts',
  text: `with busy as (select distinct worker_id from leases where endpoint_id = $1)
  select count(*) filter (where state = 'starting') as initializing,
    count(*) filter (where state in ('live', 'draining') and busy.worker_id is null) as idle,
    count(*) filter (where state in ('live', 'draining') and busy.worker_id is not null) as running,
    count(*) filter (where state = 'unhealthy') as unhealthy,
    (select coalesce(sum(crash_loops.workers), 0) from crash_loops
      where endpoint_id = $1 and instance in (select instance from supervisors
        where last_beat_at > statement_timestamp() - ${BEAT_STALE_MS} * interval '1 ms')
    ) as throttled
  from workers left join busy using (worker_id)
  where endpoint_id = $1
    and seen_at > statement_timestamp() - ${WORKER_LOST_MS} * interval '1 ms'`,
});

type Counts = Record<'queued' | 'running' | 'completed' | 'failed' | 'retried', number>;

type WorkerCounts = Record<'initializing' | 'idle' | 'running' | 'unhealthy' | 'throttled', number>;

/** The figures of `/health`; their cost grows with workers and processes, not with the backlog. */
export const readHealth = async (store: Store, endpointId: EndpointId): Promise<Health> => {
  const [[counts], [workers]] = await Promise.all([
    store.run<Counts>(COUNTS, [endpointId]),
    store.run<WorkerCounts>(WORKERS, [endpointId]),
  ]);
  return {
    jobs: {
      completed: counts?.completed ?? 0,
      failed: counts?.failed ?? 0,
      inProgress: counts?.running ?? 0,
      inQueue: counts?.queued ?? 0,
      retried: counts?.retried ?? 0,
    },
    workers: {
      idle: workers?.idle ?? 0,
      initializing: workers?.initializing ?? 0,
      ready: (workers?.idle ?? 0) + (workers?.running ?? 0),
      running: workers?.running ?? 0,
      throttled: workers?.throttled ?? 0,
      unhealthy: workers?.unhealthy ?? 0,
    },
  };
};
