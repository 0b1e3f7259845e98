import { type EndpointId, jobIdOf, type WorkerInfo } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { WORKER_LOST_MS } from './read-health.ts';

/** More than this are not shown: a list for people. */
const SHOWN_MAX = 10_000;

const STATEMENT = statement({
  name: 'list_workers',
  text: `with held as materialized (
  select endpoint_id, worker_id, array_agg(job_id order by started_at) as jobs
  from leases where endpoint_id = any ($1::text[]) group by endpoint_id, worker_id
)
select workers.endpoint_id, workers.worker_id, instance, reason, slots, first_seen_at, seen_at,
  coalesce(held.jobs, '{}') as jobs,
  case when seen_at > statement_timestamp() - ${WORKER_LOST_MS} * interval '1 ms' then state
    else 'lost' end as state
from workers left join held using (endpoint_id, worker_id)
where workers.endpoint_id = any ($1::text[])
order by workers.endpoint_id, workers.worker_id limit ${SHOWN_MAX}`,
});

type Row = {
  endpoint_id: string;
  worker_id: string;
  instance: string;
  state: WorkerInfo['state'];
  reason: string | null;
  slots: number;
  first_seen_at: Date;
  seen_at: Date;
  jobs: string[];
};

/** The workers of `endpoints` with what they run. One that is silent for an hour is forgotten. */
export const listWorkers = async (
  store: Store,
  endpoints: readonly EndpointId[],
): Promise<WorkerInfo[]> =>
  (await store.run<Row>(STATEMENT, [endpoints])).map((row) => ({
    id: row.worker_id,
    endpoint: row.endpoint_id,
    state: row.state,
    reason: row.reason,
    slots: row.slots,
    jobs: row.jobs.map(jobIdOf),
    supervisor: row.instance,
    firstSeenAt: row.first_seen_at.toISOString(),
    seenAt: row.seen_at.toISOString(),
  }));
