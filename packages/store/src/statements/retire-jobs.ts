import { type EndpointId, type JobId, jobIdOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

/** Jobs that one statement deletes: with their events and results, some 5,000 rows. */
export const RETIRE_MAX_JOBS = 1_000;
/** How many it looks at, so that those that must stay do not hold up those behind them at once. */
const LOOK_MAX = 20 * RETIRE_MAX_JOBS;

/**
 * The row in `results` says that a job has ended, and its lock that no retry takes it back. Kept
 * are jobs with an open delivery, which tells their result, and with an event that the relay has
 * not published. OFFSET keeps each look a look-up, and its order makes it one by key.
 */
const STATEMENT = statement({
  name: 'retire_jobs',
  text: `with seen as materialized (
  select job_id from results where endpoint_id = $1 and finished_at <= statement_timestamp()
    - (select retention_ms from endpoints where endpoint_id = $1) * interval '1 ms'
  order by finished_at limit ${LOOK_MAX}
),
free as materialized (
  select job_id from seen
  where not exists (
    select from deliveries where deliveries.endpoint_id = $1
      and deliveries.job_id = seen.job_id and closed_at is null
    order by event_seq offset 0
  ) and not exists (
    select from events where events.endpoint_id = $1 and events.job_id = seen.job_id
      and (events.txid, events.id)
        > (select cursors.txid, cursors.id from cursors where name = 'relay')
    order by seq offset 0
  )
  limit $2
),
picked as materialized (
  select locked.spot, free.job_id from free cross join lateral (
    select ctid as spot from results where results.endpoint_id = $1
      and results.job_id = free.job_id limit 1 for update skip locked
  ) as locked
),
gone as materialized (
  select coalesce(array_agg(job_id), '{}') as ids from picked
),
results_gone as (
  delete from results where ctid = any (array(select spot from picked))
),
jobs_gone as (
  delete from jobs where endpoint_id = $1 and job_id = any ((select ids from gone)::uuid[])
),
secrets_gone as (
  delete from job_secrets where endpoint_id = $1 and job_id = any ((select ids from gone)::uuid[])
),
chunks_gone as (
  delete from stream_chunks
  where endpoint_id = $1 and job_id = any ((select ids from gone)::uuid[])
),
cursors_gone as (
  delete from stream_cursors
  where endpoint_id = $1 and job_id = any ((select ids from gone)::uuid[])
),
events_gone as (
  delete from events where endpoint_id = $1 and job_id = any ((select ids from gone)::uuid[])
),
deliveries_gone as (
  delete from deliveries where ctid = any (array(
    select own.spot from picked cross join lateral (
      select ctid as spot from deliveries where deliveries.endpoint_id = $1
        and deliveries.job_id = picked.job_id
      order by event_seq offset 0
    ) as own
  ))
  returning delivery_id
),
tries_gone as (
  delete from delivery_tries where endpoint_id = $1
    and delivery_id = any (array(select delivery_id from deliveries_gone))
)
select job_id from picked`,
});

/**
 * Deletes up to `limit` jobs that ended longer ago than the endpoint keeps them, with all that is
 * theirs; rows that somebody has locked are left for the next time.
 * @returns the jobs that are gone.
 */
export const retireJobs = async (
  store: Store,
  endpointId: EndpointId,
  limit: number = RETIRE_MAX_JOBS,
): Promise<JobId[]> =>
  (await store.runPinned<{ job_id: string }>(STATEMENT, [endpointId, limit])).map((row) =>
    jobIdOf(row.job_id),
  );
