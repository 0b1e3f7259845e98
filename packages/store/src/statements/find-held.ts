import { type EndpointId, type JobId, uuidOf, type WorkerId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { type Lease, type LeaseRow, leaseIn } from './lease.ts';
import { lookUp } from './lookup.ts';

const STATEMENT = statement({
  name: 'find_held',
  text: `select leases.endpoint_id, leases.job_id, leases.worker_id, leases.claim_no
    from unnest($2::text[], $3::uuid[]) as listed (worker_id, job_id)
    ${lookUp('leases', 'listed.job_id')}
    where leases.worker_id = listed.worker_id`,
});

/** Which of the jobs that workers list they really hold; the others are to be stopped. */
export const findHeld = async (
  store: Store,
  endpointId: EndpointId,
  listed: readonly { readonly workerId: WorkerId; readonly jobId: JobId }[],
): Promise<Lease[]> =>
  (
    await store.run<LeaseRow>(STATEMENT, [
      endpointId,
      listed.map((entry) => entry.workerId),
      listed.map((entry) => uuidOf(entry.jobId)),
    ])
  ).map(leaseIn);
