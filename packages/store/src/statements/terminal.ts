import { lookUp } from './lookup.ts';

/**
 * What every way into a terminal state writes in its one statement: the result, the event, the
 * delivery of the webhook, the end of secrets, and the counts. It reads a CTE `ended` with these
 * columns: job_id, status, output, error, worker_id, delay_ms, execution_ms, claim_no, attempts,
 * rank, event_seq (already the new one), reason, escalated_at, has_webhook, has_secrets.
 * $1 is the endpoint, `process` the parameter that names the row of counts.
 */
export const terminalCtes = (process: string, counted: { queued: string; running: string }) => `
stored as (
  insert into results (endpoint_id, job_id, status, output, error, worker_id, delay_ms,
    execution_ms, claim_no, attempts, rank, event_seq, escalated_at, finished_at)
  select $1, job_id, status, output, error, worker_id, delay_ms, execution_ms, claim_no, attempts,
    rank, event_seq, escalated_at, statement_timestamp() from ended
),
logged as (
  insert into events (endpoint_id, job_id, seq, event, worker_id, claim_no, reason)
  select $1, job_id, event_seq, lower(status), worker_id, nullif(claim_no, 0), reason from ended
),
hooked as (
  insert into deliveries (endpoint_id, job_id, event_seq, url, due_at)
  select $1, ended.job_id, ended.event_seq, jobs.webhook, statement_timestamp()
  from ended ${lookUp('jobs', 'ended.job_id')}
  where ended.has_webhook
),
forgotten as (
  delete from job_secrets where endpoint_id = $1 and job_id = any (array(
    select job_id from ended where has_secrets and status in ('COMPLETED', 'CANCELLED')
  ))
),
counted as (
  insert into counts as kept (endpoint_id, process, queued, running, completed, failed)
  select $1, ${process}, -(${counted.queued}), -(${counted.running}),
    count(*) filter (where status = 'COMPLETED'),
    count(*) filter (where status in ('FAILED', 'TIMED_OUT'))
  from ended having count(*) > 0 or (${counted.running}) > 0
  on conflict (endpoint_id, process) do update set queued = kept.queued + excluded.queued,
    running = kept.running + excluded.running, completed = kept.completed + excluded.completed,
    failed = kept.failed + excluded.failed, touched_at = statement_timestamp()
)`;

/** Whole ms between two times, never negative: clocks may step. */
export const msBetween = (from: string, to: string): string =>
  `greatest(0, floor(extract(epoch from ${to} - ${from}) * 1000))::bigint`;

/** A JSON string as bytes, from a text expression: the error of a job that Switchyard ended. */
export const jsonBytes = (text: string): string => `convert_to(to_json(${text})::text, 'UTF8')`;

/** The columns of `ended` for rows of `queue`. */
export const endedFromQueue = (status: string, error: string, reason: string): string => `
  job_id, '${status}'::text as status, null::bytea as output, ${error}::bytea as error,
  null::text as worker_id, null::bigint as delay_ms, null::bigint as execution_ms, claim_no,
  attempts, rank, event_seq + 1 as event_seq, ${reason}::text as reason, escalated_at,
  has_webhook, has_secrets`;

/** The columns of `ended` for rows of `delayed`: such a job never ran, and was only accepted. */
export const endedFromDelayed = (status: string, reason: string): string => `
  job_id, '${status}'::text as status, null::bytea as output, null::bytea as error,
  null::text as worker_id, null::bigint as delay_ms, null::bigint as execution_ms, 0 as claim_no,
  0::smallint as attempts, rank, 2 as event_seq, ${reason}::text as reason,
  null::timestamptz as escalated_at, has_webhook, has_secrets`;

/** The columns of `ended` for rows of `leases`. */
export const endedFromLeases = (
  status: string,
  error: string,
  reason: string,
  attempts = 'attempts',
): string => `
  job_id, '${status}'::text as status, null::bytea as output, ${error}::bytea as error, worker_id,
  ${msBetween('waiting_since', 'started_at')} as delay_ms,
  ${msBetween('started_at', 'statement_timestamp()')} as execution_ms, claim_no,
  ${attempts} as attempts, rank, event_seq + 1 as event_seq, ${reason}::text as reason,
  escalated_at, has_webhook, has_secrets`;
