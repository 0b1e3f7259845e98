import { type EndpointId, type JobId, jobIdOf, uuidOf, type WorkerId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { endedFromDelayed, endedFromLeases, endedFromQueue, terminalCtes } from './terminal.ts';

/** `running` says who has to be told to stop; undefined for a job that was still queued. */
export type CancelledJob = {
  readonly jobId: JobId;
  readonly running: { readonly workerId: WorkerId; readonly claimNo: number } | undefined;
};

const STATEMENT = statement({
  name: 'cancel_jobs',
  text: `with unqueued as (
  delete from queue where endpoint_id = $1 and job_id = any($3::uuid[]) returning *
),
undelayed as (
  delete from delayed where endpoint_id = $1 and job_id = any($3::uuid[]) returning *
),
released as (
  delete from leases where endpoint_id = $1 and job_id = any($3::uuid[]) returning *
),
ended as materialized (
  select ${endedFromQueue('CANCELLED', 'null', `'client'`)} from unqueued
  union all
  select ${endedFromDelayed('CANCELLED', `'client'`)} from undelayed
  union all
  select ${endedFromLeases('CANCELLED', 'null', `'client'`)} from released
),
${terminalCtes('$2', {
  queued: '(select count(*) from unqueued) + (select count(*) from undelayed)',
  running: '(select count(*) from released)',
})}
select ended.job_id, released.worker_id, released.claim_no
from ended left join released on released.job_id = ended.job_id`,
});

/**
 * Cancels jobs that are queued, delayed or running. One that a rival moves between these in this
 * very moment may be missed: the caller looks at its status and tries again while it is not
 * terminal.
 * @returns the jobs that were cancelled by this call.
 */
export const cancelJobs = async (
  store: Store,
  endpointId: EndpointId,
  process: string,
  jobIds: readonly JobId[],
): Promise<CancelledJob[]> => {
  const rows = await store.run<{
    job_id: string;
    worker_id: string | null;
    claim_no: number | null;
  }>(STATEMENT, [endpointId, process, jobIds.map(uuidOf)]);
  return rows.map((row) => ({
    jobId: jobIdOf(row.job_id),
    running:
      row.worker_id === null || row.claim_no === null
        ? undefined
        : { workerId: row.worker_id as WorkerId, claimNo: row.claim_no },
  }));
};
