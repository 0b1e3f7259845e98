import { type EndpointId, type JobId, jobIdOf } from '@switchyard/contracts';
import type { Rank } from '@switchyard/lifecycle';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { lookUp } from './lookup.ts';
import { endedFromQueue, jsonBytes, terminalCtes } from './terminal.ts';

/** Jobs that one statement expires; the sweep repeats it until it comes back with fewer. */
export const EXPIRE_MAX_JOBS = 1_000;

const ERROR = `format('The job waited for its ttl of %s ms and no worker took it.', ttl_ms)`;

const STATEMENT = statement({
  name: 'expire_jobs',
  text: `with picked as materialized (
  select ctid as spot from queue
  where endpoint_id = $1 and rank = $3 and deadline_at <= statement_timestamp()
  order by deadline_at, seq limit ${EXPIRE_MAX_JOBS} for update skip locked
),
unqueued as (
  delete from queue where ctid = any (array(select spot from picked))
  returning *
),
told as materialized (
  select unqueued.*, jobs.ttl_ms from unqueued ${lookUp('jobs', 'unqueued.job_id')}
),
ended as materialized (
  select ${endedFromQueue('TIMED_OUT', jsonBytes(ERROR), `'ttl'`)} from told
),
${terminalCtes('$2', { queued: 'count(*)', running: '0' })}
select job_id from ended`,
});

/** Ends jobs of one rank whose deadline has passed while they were queued. */
export const expireJobs = async (
  store: Store,
  endpointId: EndpointId,
  process: string,
  rank: Rank,
): Promise<JobId[]> => {
  const rows = await store.runPinned<{ job_id: string }>(STATEMENT, [endpointId, process, rank]);
  return rows.map((row) => jobIdOf(row.job_id));
};
