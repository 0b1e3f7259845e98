import {
  type EndpointId,
  type JobId,
  jobIdOf,
  type State,
  uuidOf,
  type WorkerId,
} from '@switchyard/contracts';
import type { Rank } from '@switchyard/lifecycle';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { READ_MAX_BYTES } from './bounds.ts';
import { lookUp } from './lookup.ts';
import { msBetween } from './terminal.ts';

/** A job as one look at the database found it. */
export type JobStatus = {
  readonly jobId: JobId;
  readonly state: State;
  readonly createdAt: Date;
  readonly rank: Rank;
  readonly escalatedAt: Date | null;
  /** The attempt that runs or ran last, from 1; 0 before the first. */
  readonly attempt: number;
  readonly claimNo: number;
  readonly workerId: WorkerId | null;
  readonly delayMs: number | null;
  readonly executionMs: number | null;
  /** Only while queued. */
  readonly deadlineAt: Date | null;
  /** Only while it has not come. */
  readonly startAt: Date | null;
  /** Raw JSON, only of a terminal job. */
  readonly output: Buffer | null;
  readonly error: Buffer | null;
  /** Output and error are too large to come with those of other jobs: read this one alone. */
  readonly isCut: boolean;
};

const IS_CUT =
  'coalesce(octet_length(results.output), 0) + coalesce(octet_length(results.error), 0) > $3';

const STATEMENT = statement({
  name: 'read_statuses',
  text: `select jobs.job_id, jobs.created_at,
  coalesce(results.status, case when leases.job_id is not null then 'IN_PROGRESS'
    when queue.job_id is not null or delayed.job_id is not null then 'IN_QUEUE' end) as state,
  coalesce(results.rank, leases.rank, queue.rank, delayed.rank) as rank,
  coalesce(results.escalated_at, leases.escalated_at, queue.escalated_at) as escalated_at,
  coalesce(results.attempts, leases.attempts + 1, queue.attempts, 0) as attempt,
  coalesce(results.claim_no, leases.claim_no, queue.claim_no, 0) as claim_no,
  coalesce(results.worker_id, leases.worker_id) as worker_id,
  coalesce(results.delay_ms, ${msBetween('leases.waiting_since', 'leases.started_at')}) as delay_ms,
  coalesce(results.execution_ms,
    ${msBetween('leases.started_at', 'statement_timestamp()')}) as execution_ms,
  coalesce(queue.deadline_at, delayed.start_at + delayed.ttl_ms * interval '1 ms') as deadline_at,
  delayed.start_at, ${IS_CUT} as is_cut,
  case when not (${IS_CUT}) then results.output end as output,
  case when not (${IS_CUT}) then results.error end as error
from unnest($2::uuid[]) as wanted (job_id)
${lookUp('jobs', 'wanted.job_id')}
${lookUp('queue', 'wanted.job_id', 'left')}
${lookUp('delayed', 'wanted.job_id', 'left')}
${lookUp('leases', 'wanted.job_id', 'left')}
${lookUp('results', 'wanted.job_id', 'left')}`,
});

type Row = {
  job_id: string;
  created_at: Date;
  state: State | null;
  rank: Rank;
  escalated_at: Date | null;
  attempt: number;
  claim_no: number;
  worker_id: WorkerId | null;
  delay_ms: number | null;
  execution_ms: number | null;
  deadline_at: Date | null;
  start_at: Date | null;
  output: Buffer | null;
  error: Buffer | null;
  is_cut: boolean;
};

/** Larger than any result, and the largest integer of Postgres. */
const UNBOUNDED = 2_147_483_647;

/**
 * The states of jobs of one endpoint, in one statement over queue, delayed, leases and results, so
 * that a job in motion is never missed. Of several jobs it brings READ_MAX_BYTES at most, an equal
 * part for each: those with more are cut. One alone never is.
 */
export const readStatuses = async (
  store: Store,
  endpointId: EndpointId,
  jobIds: readonly JobId[],
): Promise<ReadonlyMap<JobId, JobStatus>> => {
  const mostBytes = jobIds.length > 1 ? Math.floor(READ_MAX_BYTES / jobIds.length) : UNBOUNDED;
  const values = [endpointId, jobIds.map(uuidOf), mostBytes];
  const rows = await store.runPinned<Row>(STATEMENT, values);
  const found = new Map<JobId, JobStatus>();
  for (const row of rows) {
    if (row.state === null) throw new TypeError(`job ${row.job_id} is in no state`);
    const terminal = row.state !== 'IN_QUEUE' && row.state !== 'IN_PROGRESS';
    const ran = terminal ? row.worker_id !== null : row.state === 'IN_PROGRESS';
    found.set(jobIdOf(row.job_id), {
      jobId: jobIdOf(row.job_id),
      state: row.state,
      createdAt: row.created_at,
      rank: row.rank,
      escalatedAt: row.escalated_at,
      attempt: row.attempt,
      claimNo: row.claim_no,
      workerId: row.worker_id,
      delayMs: ran ? row.delay_ms : null,
      executionMs: ran ? row.execution_ms : null,
      deadlineAt: row.deadline_at,
      startAt: row.start_at,
      output: row.output,
      error: row.error,
      isCut: row.is_cut,
    });
  }
  return found;
};
