import type { EndpointId, WorkerId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { type Lease, type LeaseRow, leaseIn } from './lease.ts';

const STATEMENT = statement({
  name: 'find_leases_of_worker',
  text: `select endpoint_id, job_id, worker_id, claim_no from leases
    where endpoint_id = $1 and worker_id = $2`,
});

/** Everything that a worker holds. */
export const findLeasesOfWorker = async (
  store: Store,
  endpointId: EndpointId,
  workerId: WorkerId,
): Promise<Lease[]> => (await store.run<LeaseRow>(STATEMENT, [endpointId, workerId])).map(leaseIn);
