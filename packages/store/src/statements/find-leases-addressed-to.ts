import type { InstanceId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { type Lease, type LeaseRow, leaseIn } from './lease.ts';

const STATEMENT = statement({
  name: 'find_leases_addressed_to',
  text: `select endpoint_id, job_id, worker_id, claim_no from leases
    where instance = $1 and started_at < statement_timestamp() - $2 * interval '1 ms'`,
});

/** The leases whose assign was addressed to a supervisor instance at least `olderMs` ago. */
export const findLeasesAddressedTo = async (
  store: Store,
  instance: InstanceId,
  olderMs: number,
): Promise<Lease[]> => (await store.run<LeaseRow>(STATEMENT, [instance, olderMs])).map(leaseIn);
