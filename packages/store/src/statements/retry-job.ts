import { type EndpointId, type JobId, uuidOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { escalatesAt } from './escalation.ts';

/**
 * A delivery of the dropped result that is still open keeps a copy of it: each terminal state is
 * told to the webhook, also one that a retry has overtaken. An endpoint that is gone may have its
 * results for a while yet: its jobs stay ended.
 */
const STATEMENT = statement({
  name: 'retry_job',
  text: `with dropped as (
  delete from results where endpoint_id = $1 and job_id = $3::uuid
    and status in ('FAILED', 'TIMED_OUT')
    and exists (select from endpoints where endpoints.endpoint_id = $1)
  returning *
),
kept as (
  update deliveries set status = dropped.status, output = dropped.output, error = dropped.error,
    worker_id = dropped.worker_id, delay_ms = dropped.delay_ms,
    execution_ms = dropped.execution_ms, rank = dropped.rank, attempts = dropped.attempts,
    escalated_at = dropped.escalated_at
  from dropped
  where deliveries.endpoint_id = $1 and deliveries.job_id = dropped.job_id
    and deliveries.event_seq = dropped.event_seq and deliveries.closed_at is null
),
cut as (
  delete from stream_chunks using dropped
  where stream_chunks.endpoint_id = $1 and stream_chunks.job_id = dropped.job_id
),
rewound as (
  delete from stream_cursors using dropped
  where stream_cursors.endpoint_id = $1 and stream_cursors.job_id = dropped.job_id
),
queued as (
  insert into queue (endpoint_id, rank, deadline_at, job_id, claim_no, attempts, event_seq,
    execution_timeout_ms, waiting_since, escalate_at, has_webhook, has_secrets)
  select $1, case when jobs.low_priority then 3 else 1 end,
    statement_timestamp() + jobs.ttl_ms * interval '1 ms', jobs.job_id, dropped.claim_no, 0,
    dropped.event_seq + 1, jobs.execution_timeout_ms, statement_timestamp(),
    case when jobs.low_priority
      then ${escalatesAt('statement_timestamp()', 'jobs.ttl_ms')} end,
    jobs.webhook is not null,
    exists (select from job_secrets
      where job_secrets.endpoint_id = $1 and job_secrets.job_id = jobs.job_id)
  from dropped join jobs on jobs.endpoint_id = $1 and jobs.job_id = dropped.job_id
  returning job_id, event_seq
),
logged as (
  insert into events (endpoint_id, job_id, seq, event)
  select $1, job_id, event_seq, 'retried' from queued
),
counted as (
  insert into counts as kept (endpoint_id, process, queued, retried)
  select $1, $2, count(*), count(*) from queued having count(*) > 0
  on conflict (endpoint_id, process) do update set queued = kept.queued + excluded.queued,
    retried = kept.retried + excluded.retried, touched_at = statement_timestamp()
)
select job_id from queued`,
});

/**
 * Queues a FAILED or TIMED_OUT job again under its id, with a fresh TTL and its attempts unspent;
 * it starts at once, and claim numbers go on. Result, chunks and the stream's cursor are dropped.
 * @returns whether the job was in such a state.
 */
export const retryJob = async (
  store: Store,
  endpointId: EndpointId,
  process: string,
  jobId: JobId,
): Promise<boolean> => {
  const rows = await store.run(STATEMENT, [endpointId, process, uuidOf(jobId)]);
  return rows.length > 0;
};
