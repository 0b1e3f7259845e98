import type { RequeueReason } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { BEAT_STALE_MS } from './beat-supervisor.ts';
import { type Lease, type LeaseRow, leaseIn } from './lease.ts';
import { WORKER_LOST_MS } from './read-health.ts';

/**
 * Nobody is lost before they could have been heard: some supervisor must have listened without a
 * break for as long as the silence. A lease is newer than an inventory that was taken before it,
 * so only one older than the last two can be missing from them.
 */
const STATEMENT = statement({
  name: 'find_lost_leases',
  text: `select leases.endpoint_id, leases.job_id, leases.worker_id, leases.claim_no,
  case when greatest(workers.seen_at, leases.started_at)
      < statement_timestamp() - ${WORKER_LOST_MS} * interval '1 ms'
    then 'worker_lost' else 'result_lost' end as reason
from leases left join workers on workers.endpoint_id = leases.endpoint_id
  and workers.worker_id = leases.worker_id
where exists (
    select from supervisors
    where last_beat_at > statement_timestamp() - ${BEAT_STALE_MS} * interval '1 ms'
      and beating_since < statement_timestamp() - ${WORKER_LOST_MS} * interval '1 ms'
  ) and greatest(workers.seen_at, leases.started_at)
      < statement_timestamp() - ${WORKER_LOST_MS} * interval '1 ms'
  or leases.started_at < workers.former_inventory_at - interval '2 seconds'
    and leases.job_id <> all (workers.inventory)
    and leases.job_id <> all (workers.former_inventory)
limit 1000`,
});

export type LostLease = Lease & {
  readonly reason: Extract<RequeueReason, 'worker_lost' | 'result_lost'>;
};

/** The leases whose worker fell silent or no longer lists the job. */
export const findLostLeases = async (store: Store): Promise<LostLease[]> => {
  const rows = await store.run<LeaseRow & { reason: LostLease['reason'] }>(STATEMENT, []);
  return rows.map((row) => ({ ...leaseIn(row), reason: row.reason }));
};
