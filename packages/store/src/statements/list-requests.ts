import { type EndpointId, jobIdOf, type RequestsPage, type State } from '@switchyard/contracts';
import { priorityOf, RANK, type Rank } from '@switchyard/lifecycle';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { lookUp } from './lookup.ts';
import { msBetween } from './terminal.ts';

const RUNNING_DELAY = msBetween('leases.waiting_since', 'leases.started_at');
const RUNNING_TIME = msBetween('leases.started_at', 'statement_timestamp()');

const PAGE = `select jobs.job_id, jobs.created_at, jobs.low_priority,
  coalesce(results.status, case when leases.job_id is null then 'IN_QUEUE' else 'IN_PROGRESS' end)
    as status,
  coalesce(results.rank, leases.rank, queue.rank) as rank,
  case when leases.job_id is null then results.delay_ms else ${RUNNING_DELAY} end as delay_ms,
  case when leases.job_id is null then results.execution_ms else ${RUNNING_TIME} end
    as execution_ms,
  coalesce(results.worker_id, leases.worker_id) as worker_id
from jobs
${lookUp('queue', 'jobs.job_id', 'left')}
${lookUp('leases', 'jobs.job_id', 'left')}
${lookUp('results', 'jobs.job_id', 'left')}
where jobs.endpoint_id = $1 and ($2::uuid is null or jobs.job_id < $2::uuid)
  and ($4::text is null or $4 = coalesce(results.status,
    case when leases.job_id is null then 'IN_QUEUE' else 'IN_PROGRESS' end))
order by jobs.job_id desc limit $3`;

const STATEMENT = statement({ name: 'list_requests', text: PAGE });

type Row = {
  job_id: string;
  created_at: Date;
  low_priority: boolean;
  status: State;
  rank: Rank | null;
  delay_ms: number | null;
  execution_ms: number | null;
  worker_id: string | null;
};

/**
 * A page of jobs, newest first, without payloads.
 * @param after the UUID of the last job of the page before.
 */
export const listRequests = async (
  store: Store,
  endpointId: EndpointId,
  page: { readonly after: string | null; readonly limit: number; readonly status: State | null },
): Promise<RequestsPage> => {
  const rows = await store.runPinned<Row>(STATEMENT, [
    endpointId,
    page.after,
    page.limit + 1,
    page.status,
  ]);
  const shown = rows.slice(0, page.limit);
  return {
    requests: shown.map((row) => ({
      id: jobIdOf(row.job_id),
      status: row.status,
      createdAt: row.created_at.toISOString(),
      ...(row.delay_ms === null || row.worker_id === null ? {} : { delayTime: row.delay_ms }),
      ...(row.execution_ms === null || row.worker_id === null
        ? {}
        : { executionTime: row.execution_ms }),
      ...(row.worker_id === null ? {} : { workerId: row.worker_id }),
      priority: priorityOf(row.rank ?? (row.low_priority ? RANK.low : RANK.high)),
    })),
    cursor: rows.length > page.limit ? (shown.at(-1)?.job_id ?? null) : null,
  };
};
