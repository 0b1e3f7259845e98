import { type EndpointId, type JobId, jobIdOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { PURGE_MAX_JOBS } from './purge-queue.ts';
import { endedFromDelayed, terminalCtes } from './terminal.ts';

const STATEMENT = statement({
  name: 'purge_delayed',
  text: `with picked as materialized (
  select job_id from delayed where endpoint_id = $1 and waiting_since <= $3::timestamptz
  order by start_at, job_id limit ${PURGE_MAX_JOBS} for update
),
undelayed as (
  delete from delayed where endpoint_id = $1 and job_id = any (array(select job_id from picked))
  returning *
),
ended as materialized (
  select ${endedFromDelayed('CANCELLED', `'purge'`)} from undelayed
),
${terminalCtes('$2', { queued: 'count(*)', running: '0' })}
select job_id from ended`,
});

/** Cancels up to PURGE_MAX_JOBS jobs before their start time that were accepted by `before`. */
export const purgeDelayed = async (
  store: Store,
  endpointId: EndpointId,
  process: string,
  before: string,
): Promise<JobId[]> => {
  const rows = await store.runPinned<{ job_id: string }>(STATEMENT, [endpointId, process, before]);
  return rows.map((row) => jobIdOf(row.job_id));
};
