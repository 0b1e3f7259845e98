import { type EndpointId, type JobId, jobIdOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { endedFromQueue, terminalCtes } from './terminal.ts';

/** Jobs that one statement cancels; a purge repeats it until it comes back with fewer. */
export const PURGE_MAX_JOBS = 5_000;

/**
 * It waits for rows that a rival has locked, and names them by their keys: one that was escalated
 * meanwhile lies elsewhere, and is still meant.
 */
const STATEMENT = statement({
  name: 'purge_queue',
  text: `with picked as materialized (
  select job_id from queue where endpoint_id = $1 and waiting_since <= $3::timestamptz
  order by rank, deadline_at, seq limit ${PURGE_MAX_JOBS} for update
),
unqueued as (
  delete from queue where endpoint_id = $1 and job_id = any (array(select job_id from picked))
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
 * Running ones stay, as do those that a claim took meanwhile. Jobs before their start time are
 * purged first, by `purgeDelayed`: one that begins to wait meanwhile is then found here.
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
