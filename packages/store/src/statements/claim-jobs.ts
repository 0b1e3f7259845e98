import {
  type EndpointId,
  INPUT_INLINE_MAX_BYTES,
  type InstanceId,
  type JobId,
  jobIdOf,
  type WorkerId,
} from '@switchyard/contracts';
import { RANK, RANKS, type Rank } from '@switchyard/lifecycle';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { textArray } from './arrays.ts';
import { lookUp } from './lookup.ts';

/** One free slot: a worker is named once for each that it has. */
export type Seat = { readonly workerId: WorkerId; readonly instance: InstanceId };

export type ClaimedJob = {
  readonly jobId: JobId;
  readonly workerId: WorkerId;
  readonly instance: InstanceId;
  readonly claimNo: number;
  readonly rank: Rank;
  /** When its time to wait would have ended, in ms since 1970, up to 1 ms too early. */
  readonly deadlineMs: number;
  readonly executionTimeoutMs: number;
  readonly webhook: string | null;
  /** Undefined where it is larger than INPUT_INLINE_MAX_BYTES: `readInputs` has it. */
  readonly input: Buffer | undefined;
  /** The s3Config, sealed. */
  readonly secret: Buffer | undefined;
};

/**
 * Where a look begins, in ms since 1970: what is queued with an earlier deadline is passed over,
 * and with it the rows of claimed jobs that somebody's long transaction keeps at the head of the
 * queue. Jobs that came back have ranks of their own and are always looked for.
 */
export type ClaimFrom = { readonly highMs: number | undefined; readonly lowMs: number | undefined };

const FROM: Readonly<Record<Rank, string>> = {
  [RANK.highReturned]: '',
  [RANK.high]: ' and deadline_at >= $6::timestamptz',
  [RANK.lowReturned]: '',
  [RANK.low]: ' and deadline_at >= $7::timestamptz',
};

/**
 * Each rank takes what the ranks before it left of the seats. Materialized, so that LIMIT runs
 * once; the deadline is compared with a stable function, so that it bounds the index range and
 * expired rows at the head cost nothing.
 *
 * The rows are locked, so they are deleted where they lie. By their keys, Postgres would read the
 * whole queue: it takes a LIMIT that it does not know for a tenth of the table. Nor does the delete
 * name the endpoint: with that index at hand, a plan made on an empty queue would rather walk it.
 */
const lookAt = (rank: Rank): string => {
  const before = RANKS.filter((other) => other < rank).map(
    (other) => ` - (select count(*) from rank_${other})`,
  );
  return `rank_${rank} as materialized (
  select ctid as spot, job_id, claim_no from queue
  where endpoint_id = $1 and rank = ${rank} and deadline_at > statement_timestamp()${FROM[rank]}
    and (claim_no = 0 or exists (
      select from unnest($2::text[]) as offered (worker_id) where not exists (
        select from listed where listed.worker_id = offered.worker_id
          and listed.job_id = queue.job_id)
    ))
  order by deadline_at, seq
  limit greatest(0, (select seats from room)${before.join('')}) for update skip locked
)`;
};

/** Who still lists which job; read only when a job that ran before is met. */
const LISTED = `listed as materialized (
  select worker_id, unnest(inventory) as job_id from workers
  where endpoint_id = $1 and worker_id = any ($2::text[])
)`;

/**
 * Jobs that ran before are seated first, and workers that still list one of them last, so that such
 * a job meets another worker where there is one. UNION ALL keeps the order without a sort.
 */
const SEATED = `returned as materialized (select job_id from found where claim_no > 0),
due as materialized (
  select spot, job_id, claim_no, row_number() over () as seat from (
    select * from found where claim_no > 0 union all select * from found where claim_no = 0
  ) as found
),
offered as materialized (
  select worker_id, instance, exists (
    select from returned where exists (
      select from listed
      where listed.worker_id = one.worker_id and listed.job_id = returned.job_id)
  ) as barred from unnest($2::text[], $3::text[]) as one (worker_id, instance)
),
seats as materialized (
  select worker_id, instance, row_number() over () as seat from (
    select * from offered where not barred union all select * from offered where barred
  ) as offered
),
seated as materialized (
  select due.spot, due.job_id, seats.worker_id, seats.instance
  from due join seats on seats.seat = due.seat
  where due.claim_no = 0 or not exists (
    select from listed where listed.worker_id = seats.worker_id and listed.job_id = due.job_id
  )
)`;

const STATEMENT = statement({
  name: 'claim_jobs',
  text: `with room as materialized (
  select case
    when paused then 0
    when max_concurrent is null then cardinality($2::text[])
    when not $5::boolean then 0
    else least(cardinality($2::text[]), max_concurrent
      - (select count(*) from leases where endpoint_id = $1))
  end as seats from endpoints where endpoint_id = $1
),
${LISTED},
${RANKS.map(lookAt).join(',\n')},
found as materialized (
  ${RANKS.map((rank) => `select * from rank_${rank}`).join(' union all ')}
),
${SEATED},
taken as (
  delete from queue where ctid = any (array(select spot from seated))
  returning *
),
leased as (
  insert into leases (endpoint_id, job_id, worker_id, instance, claim_no, attempts, rank,
    event_seq, execution_timeout_ms, ttl_left_ms, waiting_since, started_at, overdue_at,
    escalate_at, escalated_at, has_webhook, has_secrets)
  select $1, taken.job_id, worker_id, instance, claim_no + 1, attempts, rank, event_seq + 1,
    execution_timeout_ms,
    floor(extract(epoch from deadline_at - statement_timestamp()) * 1000)::bigint,
    waiting_since, statement_timestamp(),
    statement_timestamp() + execution_timeout_ms * interval '1 ms', escalate_at, escalated_at,
    has_webhook, has_secrets
  from taken join seated on seated.job_id = taken.job_id
  returning job_id, worker_id, instance, claim_no, rank, event_seq, execution_timeout_ms,
    started_at, ttl_left_ms, has_secrets
),
logged as (
  insert into events (endpoint_id, job_id, seq, event, worker_id, claim_no)
  select $1, job_id, event_seq, 'started', worker_id, claim_no from leased
),
counted as (
  insert into counts as kept (endpoint_id, process, queued, running)
  select $1, $4, -count(*), count(*) from leased having count(*) > 0
  on conflict (endpoint_id, process) do update set queued = kept.queued + excluded.queued,
    running = kept.running + excluded.running, touched_at = statement_timestamp()
)
select leased.job_id, leased.worker_id, leased.instance, leased.claim_no, leased.rank,
  floor(extract(epoch from leased.started_at) * 1000)::bigint + leased.ttl_left_ms as deadline_ms,
  leased.execution_timeout_ms, jobs.webhook,
  case when octet_length(jobs.input) <= ${INPUT_INLINE_MAX_BYTES} then jobs.input end as input,
  case when leased.has_secrets then (select s3_config_enc from job_secrets
    where job_secrets.endpoint_id = $1 and job_secrets.job_id = leased.job_id) end as secret
from leased ${lookUp('jobs', 'leased.job_id')}`,
});

/** Takes its turn among claims of one endpoint; only endpoints with a limit of running jobs do. */
const TURN = statement({
  name: 'claim_in_turn',
  text: 'select pg_advisory_xact_lock(hashtextextended($1, 0))',
});

type Row = {
  job_id: string;
  worker_id: string;
  instance: string;
  claim_no: number;
  rank: Rank;
  deadline_ms: number;
  execution_timeout_ms: number;
  webhook: string | null;
  input: Buffer | null;
  secret: Buffer | null;
};

/** Where the next look may begin, when one from `from` has claimed `claimed`. */
export const fromAfter = (
  from: ClaimFrom,
  claimed: readonly Pick<ClaimedJob, 'rank' | 'deadlineMs'>[],
): ClaimFrom => {
  let { highMs, lowMs } = from;
  for (const { rank, deadlineMs } of claimed) {
    if (rank === RANK.high) highMs = Math.max(deadlineMs, highMs ?? deadlineMs);
    if (rank === RANK.low) lowMs = Math.max(deadlineMs, lowMs ?? deadlineMs);
  }
  return { highMs, lowMs };
};

/** `ms` since 1970 as a timestamptz; without one, before all. */
export const timeOf = (ms: number | undefined): string =>
  ms === undefined ? '-infinity' : new Date(ms).toISOString();

/**
 * Moves at most `seats.length` queued jobs of one endpoint into leases: rank by rank, within a rank
 * the nearest deadline first, then first come. Rows that a rival has locked are skipped, so rivals
 * neither wait for nor share a job; jobs past their deadline are left for `expireJobs`. A job that
 * ran before is not given to a worker whose inventory still lists it, and holds up no other. With
 * `inTurn`, claims of the endpoint follow one another, which makes its `maxConcurrent` exact: one
 * that does not, of an endpoint that got such a limit meanwhile, takes nothing. With `from` it may
 * miss what is queued before that.
 * @returns the claimed jobs; empty when nothing is due.
 */
export const claimJobs = async (
  store: Store,
  endpointId: EndpointId,
  process: string,
  seats: readonly Seat[],
  inTurn: boolean,
  from?: ClaimFrom,
): Promise<ClaimedJob[]> => {
  if (seats.length === 0) return [];
  const values = [
    endpointId,
    textArray(seats.map((seat) => seat.workerId)),
    textArray(seats.map((seat) => seat.instance)),
    process,
    inTurn,
    timeOf(from?.highMs),
    timeOf(from?.lowMs),
  ];
  const rows = inTurn
    ? await store.inTransaction('pinned', async (run) => {
        await run(TURN, [endpointId]);
        return run<Row>(STATEMENT, values);
      })
    : await store.runPinned<Row>(STATEMENT, values);
  return rows.map((row) => ({
    jobId: jobIdOf(row.job_id),
    workerId: row.worker_id as WorkerId,
    instance: row.instance as InstanceId,
    claimNo: row.claim_no,
    rank: row.rank,
    deadlineMs: row.deadline_ms,
    executionTimeoutMs: row.execution_timeout_ms,
    webhook: row.webhook,
    input: row.input ?? undefined,
    secret: row.secret ?? undefined,
  }));
};
