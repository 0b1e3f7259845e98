import {
  type EndpointId,
  type InstanceId,
  type JobId,
  jobIdOf,
  uuidOf,
  type WorkerId,
} from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { BEAT_STALE_MS } from './beat-supervisor.ts';
import { WORKER_LOST_MS } from './read-health.ts';
import type { RequeueReason } from './requeue-jobs.ts';

/** A live lease, as those who watch over it see it. */
export type Lease = {
  readonly endpointId: EndpointId;
  readonly jobId: JobId;
  readonly workerId: WorkerId;
  readonly claimNo: number;
};

type Row = { endpoint_id: string; job_id: string; worker_id: string; claim_no: number };

const leaseIn = (row: Row): Lease => ({
  endpointId: row.endpoint_id as EndpointId,
  jobId: jobIdOf(row.job_id),
  workerId: row.worker_id as WorkerId,
  claimNo: row.claim_no,
});

const OF_WORKER = {
  name: 'find_leases_of_worker',
  text: `select endpoint_id, job_id, worker_id, claim_no from leases
    where endpoint_id = $1 and worker_id = $2`,
};

/** Everything that a worker holds. */
export const findLeasesOfWorker = async (
  store: Store,
  endpointId: EndpointId,
  workerId: WorkerId,
): Promise<Lease[]> => (await store.run<Row>(OF_WORKER, [endpointId, workerId])).map(leaseIn);

const ADDRESSED = {
  name: 'find_leases_addressed_to',
  text: `select endpoint_id, job_id, worker_id, claim_no from leases
    where instance = $1 and started_at < statement_timestamp() - $2 * interval '1 ms'`,
};

/** The leases whose assign was addressed to a supervisor instance at least `olderMs` ago. */
export const findLeasesAddressedTo = async (
  store: Store,
  instance: InstanceId,
  olderMs: number,
): Promise<Lease[]> => (await store.run<Row>(ADDRESSED, [instance, olderMs])).map(leaseIn);

const HELD = {
  name: 'find_held',
  text: `select leases.endpoint_id, leases.job_id, leases.worker_id, leases.claim_no
    from unnest($2::text[], $3::uuid[]) as listed (worker_id, job_id)
    join leases on leases.endpoint_id = $1 and leases.job_id = listed.job_id
      and leases.worker_id = listed.worker_id`,
};

/** Which of the jobs that workers list they really hold; the others are to be stopped. */
export const findHeld = async (
  store: Store,
  endpointId: EndpointId,
  listed: readonly { readonly workerId: WorkerId; readonly jobId: JobId }[],
): Promise<Lease[]> =>
  (
    await store.run<Row>(HELD, [
      endpointId,
      listed.map((entry) => entry.workerId),
      listed.map((entry) => uuidOf(entry.jobId)),
    ])
  ).map(leaseIn);

/**
 * Nobody is lost before they could have been heard: some supervisor must have listened without a
 * break for as long as the silence. A lease is newer than an inventory that was taken before it,
 * so only one older than the last two can be missing from them.
 */
const LOST = {
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
};

export type LostLease = Lease & {
  readonly reason: Extract<RequeueReason, 'worker_lost' | 'result_lost'>;
};

/** The leases whose worker fell silent or no longer lists the job. */
export const findLostLeases = async (store: Store): Promise<LostLease[]> => {
  const rows = await store.run<Row & { reason: LostLease['reason'] }>(LOST, []);
  return rows.map((row) => ({ ...leaseIn(row), reason: row.reason }));
};
