import { type EndpointId, type JobId, jobIdOf, type WorkerId } from '@switchyard/contracts';

/** A live lease, as those who watch over it see it. */
export type Lease = {
  readonly endpointId: EndpointId;
  readonly jobId: JobId;
  readonly workerId: WorkerId;
  readonly claimNo: number;
};

export type LeaseRow = { endpoint_id: string; job_id: string; worker_id: string; claim_no: number };

/** The lease in a row of the statements that look at leases. */
export const leaseIn = (row: LeaseRow): Lease => ({
  endpointId: row.endpoint_id as EndpointId,
  jobId: jobIdOf(row.job_id),
  workerId: row.worker_id as WorkerId,
  claimNo: row.claim_no,
});
