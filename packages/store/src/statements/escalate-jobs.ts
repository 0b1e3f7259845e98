import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

/** Jobs that one statement escalates; the sweep repeats it until it comes back with fewer. */
export const ESCALATE_MAX_JOBS = 5_000;

/**
 * A job that was escalated waits among the high ones by its deadline. High jobs with a shorter ttl
 * could go ahead of it for as long as they come, so one that waits as long again, or for half of
 * what its ttl has left, goes to the head of the queue (ADR 6): `rank` says which step is due.
 */
const STATEMENT = statement({
  name: 'escalate_jobs',
  text: `with due as materialized (
  select ctid as spot from queue
  where endpoint_id = $1 and escalate_at <= statement_timestamp()
  order by escalate_at limit ${ESCALATE_MAX_JOBS} for update skip locked
),
raised as (
  update queue set rank = case when rank = 3 then 1 else 0 end,
    escalate_at = case when rank = 3 then statement_timestamp() + least(
      (select escalate_after_ms from endpoints where endpoint_id = $1) * interval '1 ms',
      (deadline_at - statement_timestamp()) / 2) end,
    escalated_at = coalesce(escalated_at, statement_timestamp()),
    event_seq = case when escalated_at is null then event_seq + 1 else event_seq end
  where ctid = any (array(select spot from due))
  returning job_id, event_seq, escalated_at
),
logged as (
  insert into events (endpoint_id, job_id, seq, event)
  select $1, job_id, event_seq, 'escalated' from raised
  where escalated_at = statement_timestamp()
)
select job_id, escalated_at = statement_timestamp() as is_new from raised`,
});

/**
 * Raises up to ESCALATE_MAX_JOBS queued jobs whose time has come: a low one counts as high from now
 * on, which is an event, and one that has waited as long again since then goes to the head.
 * @returns how many were raised, and how many of them count as high since now.
 */
export const escalateJobs = async (
  store: Store,
  endpointId: EndpointId,
): Promise<{ readonly raised: number; readonly escalated: number }> => {
  const rows = await store.runPinned<{ is_new: boolean }>(STATEMENT, [endpointId]);
  return { raised: rows.length, escalated: rows.filter((row) => row.is_new).length };
};
