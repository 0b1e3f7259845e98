import { type EndpointId, type JobId, jobIdOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { endedFromQueue, terminalCtes } from './terminal.ts';

/** Jobs that one statement cancels; a purge repeats it until it comes back with fewer. */
export const PURGE_MAX_JOBS = 5_000;

const STATEMENT = statement({
  name: 'purge_queue',
  text: `with picked as materialized (
  select ctid as spot from queue where endpoint_id = $1 and waiting_since <= $3::timestamptz
  order by rank, deadline_at, seq limit ${PURGE_MAX_JOBS} for update skip locked
),
unqueued as (
  delete from queue where ctid = any (array(select spot from picked))
  returning *
),
ended as materialized (
  select ${endedFromQueue('CANCELLED', 'null', `'purge'`)} from unqueued
),
${terminalCtes('$2', { queued: 'count(*)', running: '0' })}
select job_id from ended`,
});

/**
 * Cancels up to PURGE_MAX_JOBS jobs that were queued at `before`, which `readPurgeMoment` told.
 * Running ones stay, and jobs that a claim has locked are left to it.
 */
export const purgeQueue = async (
  store: Store,
  endpointId: EndpointId,
  process: string,
  before: string,
): Promise<JobId[]> => {
  const rows = await store.runPinned<{ job_id: string }>(STATEMENT, [endpointId, process, before]);
  return rows.map((row) => jobIdOf(row.job_id));
};
