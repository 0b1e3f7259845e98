import { type EndpointId, type JobId, jobIdOf, uuidOf, type WorkerId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { intArray, textArray, uuidArray } from './arrays.ts';
import { toBlob } from './blob.ts';
import { msBetween, terminalCtes } from './terminal.ts';

export type Finish = {
  readonly jobId: JobId;
  readonly workerId: WorkerId;
  /** Null for RunPod's protocol, whose posts carry none: the live lease of the worker counts. */
  readonly claimNo: number | null;
  readonly status: 'COMPLETED' | 'FAILED';
  /** Raw JSON, as the worker sent it. */
  readonly output: Buffer | undefined;
  readonly error: Buffer | undefined;
};

const STATEMENT = statement({
  name: 'finish_jobs',
  text: `with posted as materialized (
  select * from unnest($3::uuid[], $4::text[], $5::int[], $6::text[], $8::int[], $9::int[],
    $11::int[], $12::int[]) as p
  (job_id, worker_id, claim_no, status, output_at, output_length, error_at, error_length)
),
held as materialized (
  select lease.ctid as spot, posted.job_id as posted_id, posted.status, posted.output_at,
    posted.output_length, posted.error_at, posted.error_length
  from posted cross join lateral (
    select ctid from leases
    where leases.endpoint_id = $1 and leases.job_id = posted.job_id
      and leases.worker_id = posted.worker_id
      and (posted.claim_no is null or leases.claim_no = posted.claim_no)
    limit 1 for update
  ) as lease
),
gone as (
  delete from leases where ctid = any (array(select spot from held))
  returning *
),
released as (select * from gone join held on held.posted_id = gone.job_id),
ended as materialized (
  select job_id, status, substring($7::bytea from output_at for output_length) as output,
    substring($10::bytea from error_at for error_length) as error, worker_id,
    ${msBetween('waiting_since', 'started_at')} as delay_ms,
    ${msBetween('started_at', 'statement_timestamp()')} as execution_ms, claim_no,
    attempts + 1 as attempts, rank, event_seq + 1 as event_seq, null::text as reason,
    escalated_at, has_webhook, has_secrets
  from released
),
${terminalCtes('$2', { queued: '0', running: 'count(*)' })}
select job_id from ended`,
});

/**
 * Ends jobs with their workers' results. Only the holder of the live lease is heard: the worker,
 * and where it is known the claim. `finishes` must not hold one job twice.
 * @returns the jobs that ended; a result for any other is late or foreign and changes nothing.
 */
export const finishJobs = async (
  store: Store,
  endpointId: EndpointId,
  process: string,
  finishes: readonly Finish[],
): Promise<ReadonlySet<JobId>> => {
  if (finishes.length === 0) return new Set();
  const outputs = toBlob(finishes.map((finish) => finish.output));
  const errors = toBlob(finishes.map((finish) => finish.error));
  const rows = await store.runPinned<{ job_id: string }>(STATEMENT, [
    endpointId,
    process,
    uuidArray(finishes.map((finish) => uuidOf(finish.jobId))),
    textArray(finishes.map((finish) => finish.workerId)),
    intArray(finishes.map((finish) => finish.claimNo)),
    textArray(finishes.map((finish) => finish.status)),
    outputs.bytes,
    intArray(outputs.at),
    intArray(outputs.lengths),
    errors.bytes,
    intArray(errors.at),
    intArray(errors.lengths),
  ]);
  return new Set(rows.map((row) => jobIdOf(row.job_id)));
};
