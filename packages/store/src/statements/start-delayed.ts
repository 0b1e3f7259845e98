import { type EndpointId, type JobId, jobIdOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { escalatesAt } from './escalation.ts';

/** Jobs that one statement moves; the sweep repeats it until it comes back with fewer. */
export const START_MAX_JOBS = 5_000;

/** The time until the start counts as delayTime, and neither towards the ttl nor the escalation. */
const STATEMENT = statement({
  name: 'start_delayed',
  text: `with due as materialized (
  select ctid as spot from delayed where endpoint_id = $1 and start_at <= statement_timestamp()
  order by start_at, job_id limit ${START_MAX_JOBS} for update skip locked
),
begun as (
  delete from delayed where ctid = any (array(select spot from due))
  returning *
),
queued as (
  insert into queue (endpoint_id, rank, deadline_at, job_id, claim_no, attempts, event_seq,
    execution_timeout_ms, waiting_since, escalate_at, has_webhook, has_secrets)
  select $1, rank, start_at + ttl_ms * interval '1 ms', job_id, 0, 0, 1, execution_timeout_ms,
    waiting_since, case when rank >= 2 then ${escalatesAt('start_at', 'ttl_ms')} end,
    has_webhook, has_secrets
  from begun
)
select job_id from begun`,
});

/** Queues up to START_MAX_JOBS jobs whose start time has come; their TTL counts from it. */
export const startDelayed = async (store: Store, endpointId: EndpointId): Promise<JobId[]> =>
  (await store.runPinned<{ job_id: string }>(STATEMENT, [endpointId])).map((row) =>
    jobIdOf(row.job_id),
  );
