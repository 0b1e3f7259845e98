/** An endpoint on a real database whose jobs do as the model does, and whose time tests turn. */
import {
  type EndpointId,
  type EventName,
  type InstanceId,
  type JobId,
  jobIdOf,
  type State,
  uuidOf,
} from '@switchyard/contracts';
import type { Rank } from '@switchyard/lifecycle';
import { acceptJobs, beatSupervisor, type Store } from '@switchyard/store';
import { makeEndpoint, newJob } from '../store/jobs.ts';
import type { TestStore } from '../support/store.ts';
import { describeJob, type Settings, type Wish } from './model.ts';

export type Ground = {
  readonly store: Store;
  readonly sql: TestStore['sql'];
  readonly endpointId: EndpointId;
  /** Whose row of counts the statements add to. */
  readonly process: string;
};

export const SETTINGS: Settings = {
  maxAttempts: 3,
  escalateAfterMs: 1_800_000,
  retentionMs: 7_200_000,
};

/**
 * Readies a database: a supervisor has listened for long and always will have, so that a silent
 * worker counts as lost, and the relay has published all that there will ever be.
 */
export const prepareDatabase = async ({ store, sql }: TestStore): Promise<void> => {
  await beatSupervisor(store, 'listener' as InstanceId, 'host', 1);
  await sql(`update supervisors set beating_since = now() - interval '1 day',
    last_beat_at = now() + interval '1 day'`);
  await sql(`update cursors set txid = '9223372036854775807'`);
};

/** An endpoint of its own for some jobs. */
export const openGround = async (database: TestStore, process = 'both'): Promise<Ground> => {
  const { maxAttempts, escalateAfterMs, retentionMs } = SETTINGS;
  const endpointId = await makeEndpoint(database.store, {
    limits: { maxAttempts },
    escalateAfterMs,
    retentionMs,
  });
  const { store } = database;
  // The session beside is one connection, and several grounds may be worked on at once.
  const sql: TestStore['sql'] = (text, values = []) => store.run({ name: '', text }, values);
  return { store, sql, endpointId, process };
};

/** Accepts a job for each of `wishes`. @returns their ids in this order. */
export const acceptWishes = async (
  { store, sql, endpointId, process }: Ground,
  wishes: readonly Wish[],
): Promise<JobId[]> => {
  const isLate = wishes.some(({ startInMs }) => startInMs !== null);
  const nowMs = isLate ? await readNowMs(sql) : 0;
  const jobs = wishes.map((wish) =>
    newJob({
      rank: wish.isLow ? 3 : 1,
      ttlMs: wish.ttlMs,
      executionTimeoutMs: wish.executionTimeoutMs,
      startAtMs: wish.startInMs === null ? null : nowMs + wish.startInMs,
      webhook: wish.hasWebhook ? 'https://example.com/hook' : null,
      secret: wish.hasSecret ? Buffer.from('sealed') : undefined,
    }),
  );
  await acceptJobs(store, endpointId, process, 'http', jobs);
  return jobs.map(({ jobId }) => jobId);
};

const readNowMs = async (sql: TestStore['sql']): Promise<number> => {
  const [clock] = await sql<{ ms: number }>(
    'select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as ms',
  );
  if (clock === undefined) throw new TypeError('the database has a clock');
  return clock.ms;
};

/** The columns that tell a time, by their tables. */
const TIMES = {
  jobs: ['created_at'],
  queue: ['deadline_at', 'waiting_since', 'escalate_at', 'escalated_at'],
  delayed: ['start_at', 'waiting_since'],
  leases: ['waiting_since', 'started_at', 'overdue_at', 'escalate_at', 'escalated_at'],
  results: ['finished_at', 'escalated_at'],
  events: ['occurred_at'],
};

const EARLIER = `with ${Object.entries(TIMES)
  .map(([table, columns]) => {
    const changes = columns.map((column) => `${column} = ${column} - $3 * interval '1 ms'`);
    return `earlier_${table} as (update ${table} set ${changes.join(', ')}
      where endpoint_id = $1 and job_id = any ($2::uuid[]))`;
  })
  .join(', ')} select`;

/** Lets time pass for jobs, in that all of their times lie so much earlier. */
export const letPass = async (
  { sql, endpointId }: Ground,
  jobIds: readonly JobId[],
  ms: number,
): Promise<void> => {
  await sql(EARLIER, [endpointId, jobIds.map(uuidOf), ms]);
};

type Row = {
  job_id: string;
  is_known: boolean;
  places: number;
  state: State | null;
  is_delayed: boolean;
  rank: Rank;
  is_escalated: boolean;
  claim_no: number;
  attempts: number;
  event_seq: number;
  worker_id: string | null;
  events: EventName[] | null;
  seqs: number[] | null;
  chunks: string[];
  has_secret: boolean;
  deliveries: number;
};

const LOOK = `with wanted as (select unnest($2::uuid[]) as job_id),
places as materialized (
  select job_id, 'IN_QUEUE' as state, false as is_delayed, rank, escalated_at is not null
    as is_escalated, claim_no, attempts, event_seq, null as worker_id
  from queue where endpoint_id = $1
  union all select job_id, 'IN_QUEUE', true, rank, false, 0, 0, 1, null
  from delayed where endpoint_id = $1
  union all select job_id, 'IN_PROGRESS', false, rank, escalated_at is not null, claim_no, attempts,
    event_seq, worker_id from leases where endpoint_id = $1
  union all select job_id, status, false, rank, escalated_at is not null, claim_no, attempts,
    event_seq, worker_id from results where endpoint_id = $1 and job_id = any ($2::uuid[])
)
select wanted.job_id, state, is_delayed, rank, is_escalated, claim_no,
  attempts, event_seq, worker_id,
  exists (select from jobs where endpoint_id = $1 and job_id = wanted.job_id) as is_known,
  (select count(*) from places as all_places where job_id = wanted.job_id)::int as places,
  log.events, log.seqs,
  array(select claim_no || '/' || seq from stream_chunks
    where endpoint_id = $1 and job_id = wanted.job_id order by claim_no, seq) as chunks,
  exists (select from job_secrets
    where endpoint_id = $1 and job_id = wanted.job_id) as has_secret,
  (select count(*) from deliveries
    where endpoint_id = $1 and job_id = wanted.job_id)::int as deliveries
from wanted left join places on places.job_id = wanted.job_id
cross join lateral (
  select array_agg(event order by seq) as events, array_agg(seq order by seq) as seqs
  from events where endpoint_id = $1 and job_id = wanted.job_id
) as log`;

const describeRow = (row: Row): string => {
  if (!row.is_known && row.places === 0 && row.events === null) return 'gone';
  if (row.state === null || row.places !== 1) return `in ${row.places} places`;
  const events = row.events ?? [];
  if (row.seqs?.some((seq, index) => seq !== index + 1) || row.event_seq !== events.length) {
    return `at event ${row.event_seq}, with events ${row.seqs?.join(' ')}: ${events.join(' ')}`;
  }
  return describeJob({
    state: row.state,
    isDelayed: row.is_delayed,
    isGone: !row.is_known,
    rank: row.rank,
    isEscalated: row.is_escalated,
    claimNo: row.claim_no,
    attempts: row.attempts,
    workerId: row.worker_id,
    events,
    chunks: row.chunks,
    hasSecret: row.has_secret,
    deliveries: row.deliveries,
  });
};

/** What the database shows of each job, as `describeJob` says it, or in what way it is broken. */
export const lookAt = async (
  { sql, endpointId }: Ground,
  jobIds: readonly JobId[],
): Promise<ReadonlyMap<JobId, string>> => {
  const rows = await sql<Row>(LOOK, [endpointId, jobIds.map(uuidOf)]);
  return new Map(rows.map((row) => [jobIdOf(row.job_id), describeRow(row)]));
};
