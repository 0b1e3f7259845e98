import { type EndpointId, type JobId, jobIdOf, type WorkerId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { endedFromLeases, jsonBytes, terminalCtes } from './terminal.ts';

export type OverdueJob = {
  readonly jobId: JobId;
  readonly workerId: WorkerId;
  readonly claimNo: number;
};

const ERROR = `format('The job ran longer than its executionTimeout of %s ms.',
  execution_timeout_ms)`;

const STATEMENT = statement({
  name: 'end_overdue_jobs',
  text: `with picked as materialized (
  select ctid as spot from leases where endpoint_id = $1 and overdue_at <= statement_timestamp()
  order by job_id limit 1000 for update skip locked
),
released as (
  delete from leases where ctid = any (array(select spot from picked))
  returning *
),
ended as materialized (
  select ${endedFromLeases('TIMED_OUT', jsonBytes(ERROR), `'executionTimeout'`, 'attempts + 1')}
  from released
),
${terminalCtes('$2', { queued: '0', running: 'count(*)' })}
select job_id, worker_id, claim_no from ended`,
});

/** Ends running jobs that are past their executionTimeout; their workers are to be stopped. */
export const endOverdueJobs = async (
  store: Store,
  endpointId: EndpointId,
  process: string,
): Promise<OverdueJob[]> => {
  const rows = await store.runPinned<{ job_id: string; worker_id: string; claim_no: number }>(
    STATEMENT,
    [endpointId, process],
  );
  return rows.map((row) => ({
    jobId: jobIdOf(row.job_id),
    workerId: row.worker_id as WorkerId,
    claimNo: row.claim_no,
  }));
};
