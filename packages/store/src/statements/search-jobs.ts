import {
  type EndpointId,
  type JobSummary,
  jobIdOf,
  type Priority,
  STATES,
  type State,
} from '@switchyard/contracts';
import { priorityOf, RANK, type Rank } from '@switchyard/lifecycle';
import type { Store } from '../open-store.ts';
import { type Statement, statement } from '../statement.ts';
import { msBetween } from './terminal.ts';

/**
 * How many jobs one page looks at, shared out among the endpoints, where a filter has no index:
 * what it has not reached by then the next page does.
 */
const LOOKED_AT_MAX = 5_000;
const NEVER = '00000000-0000-0000-0000-000000000000';
const ALWAYS = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Where the jobs of a state lie, by their ids: none is found by reading those of others. */
const tablesOf = (state: State | 'any'): readonly string[] => {
  if (state === 'any') return ['jobs'];
  if (state === 'IN_QUEUE') return ['queue', 'delayed'];
  return state === 'IN_PROGRESS' ? ['leases'] : ['results'];
};

/** The state is a literal, so that the index of rare ends is known to fit. */
const newestIn = (table: string, state: State | 'any'): string => `(
    select job_id from ${table} where ${table}.endpoint_id = visible.endpoint_id
      and job_id < $2::uuid and job_id >= $3::uuid
      ${table === 'results' ? `and status = '${state}'` : ''}
    order by job_id desc limit $7
  )`;

const ofSeen = (table: string): string => `left join lateral (
  select * from ${table} where ${table}.endpoint_id = seen.endpoint_id
    and ${table}.job_id = seen.job_id limit 1
) as ${table} on true`;

/**
 * The newest jobs of each endpoint are looked at, $7 of each; an endpoint that has more hides what
 * lies beyond its last one, so that the page goes down only to the newest of these (`cut`) and
 * leaves nothing out. Each job is looked up by its key, as in lookup.ts.
 */
const searchIn = (state: State | 'any'): string => `with seen as materialized (
  select visible.endpoint_id, newest.job_id
  from unnest($1::text[]) as visible (endpoint_id)
  cross join lateral (
    select job_id from (${tablesOf(state)
      .map((table) => newestIn(table, state))
      .join(' union all ')}) as either
    order by job_id desc limit $7
  ) as newest
),
cut as materialized (
  select max(last) as last from (
    select min(job_id::text collate "C") as last from seen
    group by endpoint_id having count(*) = $7
  ) as full_ones
)
select cut.last, found.* from cut left join lateral (
  select seen.endpoint_id, seen.job_id, jobs.created_at, jobs.low_priority,
    coalesce(results.status,
      case when leases.job_id is null then 'IN_QUEUE' else 'IN_PROGRESS' end) as status,
    coalesce(results.rank, leases.rank, queue.rank, delayed.rank) as rank,
    coalesce(results.delay_ms, ${msBetween('leases.waiting_since', 'leases.started_at')})
      as delay_ms,
    coalesce(results.execution_ms, ${msBetween('leases.started_at', 'statement_timestamp()')})
      as execution_ms,
    coalesce(results.worker_id, leases.worker_id) as worker_id
  from seen
  ${['jobs', 'queue', 'delayed', 'leases', 'results'].map(ofSeen).join('\n  ')}
  where (cut.last is null or seen.job_id::text collate "C" >= cut.last)
    and ($4::text is null or coalesce(results.worker_id, leases.worker_id) = $4)
    and ($5::boolean is null or $5 = (coalesce(results.rank, leases.rank, queue.rank, delayed.rank)
      <= ${RANK.high}))
  order by seen.job_id desc limit $6
) as found on true`;

const STATEMENTS = Object.fromEntries(
  (['any', ...STATES] as const).map((state) => {
    const name = state === 'any' ? 'search_jobs' : `search_jobs_${state.toLowerCase()}`;
    return [state, statement({ name, text: searchIn(state) })];
  }),
) as Record<State | 'any', Statement>;

export type JobSearch = {
  readonly status: State | null;
  readonly worker: string | null;
  readonly priority: Priority | null;
  /** UUIDs: from the first, to before the second. */
  readonly from: string | null;
  readonly before: string | null;
  readonly limit: number;
};

type Row = {
  last: string | null;
  endpoint_id: string | null;
  job_id: string;
  created_at: Date;
  status: State;
  rank: Rank;
  delay_ms: number | null;
  execution_ms: number | null;
  worker_id: string | null;
};

/**
 * A page of the jobs of `endpoints`, newest id first, without payloads. It reads at most `limit`
 * jobs of each endpoint, and with a worker or a priority LOOKED_AT_MAX in all, by index, whatever
 * lies in the tables; then it may hold less than there is.
 * @returns the jobs and, unless that was the end, the UUID before which the next page begins.
 */
export const searchJobs = async (
  store: Store,
  endpoints: readonly EndpointId[],
  search: JobSearch,
): Promise<{ readonly jobs: JobSummary[]; readonly next: string | null }> => {
  const { worker, priority, limit } = search;
  const isFiltered = worker !== null || priority !== null;
  const share = Math.floor(LOOKED_AT_MAX / Math.max(1, endpoints.length));
  const rows = await store.runPinned<Row>(STATEMENTS[search.status ?? 'any'], [
    endpoints,
    search.before ?? ALWAYS,
    search.from ?? NEVER,
    worker,
    priority === null ? null : priority === 'high',
    limit + 1,
    isFiltered ? Math.max(limit + 1, share) : limit + 1,
  ]);
  const found = rows.filter((row) => row.endpoint_id !== null);
  const shown = found.slice(0, limit);
  const lastShown = found.length > limit ? shown.at(-1)?.job_id : undefined;
  return { jobs: shown.map(summaryIn), next: lastShown ?? rows[0]?.last ?? null };
};

const summaryIn = (row: Row): JobSummary => ({
  id: jobIdOf(row.job_id),
  endpoint: row.endpoint_id ?? '',
  status: row.status,
  priority: priorityOf(row.rank),
  createdAt: row.created_at.toISOString(),
  ...(row.delay_ms === null || row.worker_id === null ? {} : { delayTime: row.delay_ms }),
  ...(row.execution_ms === null || row.worker_id === null
    ? {}
    : { executionTime: row.execution_ms }),
  ...(row.worker_id === null ? {} : { workerId: row.worker_id }),
});
