import {
  type EndpointId,
  IDEMPOTENCY_MS,
  type JobId,
  jobIdOf,
  uuidOf,
} from '@switchyard/contracts';
import type { Rank } from '@switchyard/lifecycle';
import type { Store } from '../open-store.ts';
import { type Statement, statement } from '../statement.ts';
import {
  bigintArray,
  byteaArray,
  intArray,
  smallintArray,
  textArray,
  uuidArray,
} from './arrays.ts';
import { toBlob } from './blob.ts';
import { escalatesAt } from './escalation.ts';

/** Where a submission came in; idempotency keys of one way in mean nothing to the other. */
export type SubmissionSource = 'http' | 'broker';

export type NewJob = {
  readonly jobId: JobId;
  readonly input: Buffer;
  readonly webhook: string | null;
  readonly executionTimeoutMs: number;
  readonly ttlMs: number;
  readonly rank: Rank;
  /** When it may start, in ms since 1970; null, or a time that has passed, for at once. */
  readonly startAtMs: number | null;
  /** The s3Config, sealed. */
  readonly secret: Buffer | undefined;
  /** `bodyHash` is the SHA-256 of the raw body. */
  readonly idempotency: { readonly key: string; readonly bodyHash: Buffer } | undefined;
};

/** Which of the jobs that were given; none of them where the endpoint is gone. */
export type StoredJobs = 'all' | 'noEndpoint' | ReadonlySet<JobId>;

/** `deleteEndpoint` waits for accepts under way, and those that begin behind it find it gone. */
const HAS_ENDPOINT = 'exists (select from endpoints where endpoint_id = $1)';

const WANTED = `
wanted as materialized (
  select * from unnest($3::uuid[], $5::int[], $6::int[], $7::text[], $8::bigint[], $9::bigint[],
    $10::smallint[], $12::int[], $13::int[], $14::text[], $15::bytea[]) as w
  (job_id, input_at, input_length, webhook, execution_timeout_ms, ttl_ms, rank, secret_at,
    secret_length, key, body_hash)
  where ${HAS_ENDPOINT}
)`;

/** Parted from the others by the database's clock; `late` are those that may not start yet. */
const LATE = `
late as materialized (
  select job_id, to_timestamp(start_ms / 1000.0) as start_at
  from unnest($3::uuid[], $17::bigint[]) as l (job_id, start_ms)
  where to_timestamp(start_ms / 1000.0) > statement_timestamp()
),
delayed_now as (
  insert into delayed (endpoint_id, job_id, start_at, ttl_ms, rank, execution_timeout_ms,
    waiting_since, has_webhook, has_secrets)
  select $1, job_id, start_at, ttl_ms, rank, execution_timeout_ms, statement_timestamp(),
    webhook is not null, secret_length is not null
  from fresh join late using (job_id)
)`;

/** A key whose time is over counts as free; one that is held leaves its row untouched. */
const KEYED = `
won as (
  insert into idempotency as held (endpoint_id, source, key, body_hash, job_id, expires_at)
  select $1, $16, key, body_hash, job_id,
    statement_timestamp() + ${IDEMPOTENCY_MS} * interval '1 ms'
  from wanted where key is not null order by key
  on conflict (endpoint_id, source, key) do update set body_hash = excluded.body_hash,
    job_id = excluded.job_id, expires_at = excluded.expires_at
  where held.expires_at <= statement_timestamp()
  returning job_id
),
fresh as materialized (
  select * from wanted where key is null or job_id in (select job_id from won)
)`;

const LOGGED = `
logged as (
  insert into events (endpoint_id, job_id, seq, event) select $1, job_id, 1, 'accepted' from fresh
)`;

const countQueued = (count: string): string => `
  insert into counts as kept (endpoint_id, process, queued)
  select $1, $2, ${count}
  on conflict (endpoint_id, process) do update
  set queued = kept.queued + excluded.queued, touched_at = statement_timestamp()`;

const UNKEYED = `
fresh as materialized (select * from wanted where key is null or $16::text is null)`;

const accept = (queued: string): string => `
made as (
  insert into jobs (endpoint_id, job_id, input, webhook, execution_timeout_ms, ttl_ms,
    low_priority, created_at)
  select $1, job_id, substring($4::bytea from input_at for input_length), webhook,
    execution_timeout_ms, ttl_ms, rank >= 2, statement_timestamp() from fresh
),
queued as (
  insert into queue (endpoint_id, rank, deadline_at, job_id, claim_no, attempts, event_seq,
    execution_timeout_ms, waiting_since, escalate_at, has_webhook, has_secrets)
  select $1, rank, statement_timestamp() + ttl_ms * interval '1 ms', job_id, 0, 0, 1,
    execution_timeout_ms, statement_timestamp(),
    case when rank >= 2 then ${escalatesAt('statement_timestamp()', 'ttl_ms')} end,
    webhook is not null, secret_length is not null
  from ${queued}
),
hidden as (
  insert into job_secrets (endpoint_id, job_id, s3_config_enc)
  select $1, job_id, substring($11::bytea from secret_at for secret_length)
  from fresh where secret_length is not null
),
${LOGGED},
counted as (
  ${countQueued('count(*) from fresh having count(*) > 0')}
)
select job_id from fresh union all select null where not ${HAS_ENDPOINT}`;

const AT_ONCE = accept('fresh');
const NOT_LATE = accept('fresh where job_id not in (select job_id from late)');

/**
 * What most batches are: fewer columns to carry, and no ids to hand back. The inputs come last, as
 * the driver copies what is already there whenever a parameter has no room behind it.
 */
const ALIKE = `
with fresh as materialized (
  select * from unnest($3::uuid[], $4::int[], $5::int[]) as w (job_id, input_at, input_length)
  where ${HAS_ENDPOINT}
),
made as (
  insert into jobs (endpoint_id, job_id, input, webhook, execution_timeout_ms, ttl_ms,
    low_priority, created_at)
  select $1, job_id, substring($10::bytea from input_at for input_length), null, $6::bigint,
    $7::bigint, $8::smallint >= 2, statement_timestamp() from fresh
),
queued as (
  insert into queue (endpoint_id, rank, deadline_at, job_id, claim_no, attempts, event_seq,
    execution_timeout_ms, waiting_since, escalate_at, has_webhook, has_secrets)
  select $1, $8, statement_timestamp() + $7 * interval '1 ms', job_id, 0, 0, 1, $6,
    statement_timestamp(),
    case when $8 >= 2 then ${escalatesAt('statement_timestamp()', '$7')} end, false, false
  from fresh
),
${LOGGED}
${countQueued('$9::bigint where exists (select from fresh)')}
returning true as stored`;

const STATEMENTS = {
  alike: statement({ name: 'accept_jobs', text: ALIKE }),
  keyed: statement({ name: 'accept_keyed_jobs', text: `with ${WANTED}, ${KEYED}, ${AT_ONCE}` }),
  unkeyed: statement({
    name: 'accept_unlike_jobs',
    text: `with ${WANTED}, ${UNKEYED}, ${AT_ONCE}`,
  }),
  keyedLate: statement({
    name: 'accept_keyed_late_jobs',
    text: `with ${WANTED}, ${KEYED}, ${LATE}, ${NOT_LATE}`,
  }),
  unkeyedLate: statement({
    name: 'accept_late_jobs',
    text: `with ${WANTED}, ${UNKEYED}, ${LATE}, ${NOT_LATE}`,
  }),
};

/** Batches without a start time do not pay for those that have one. */
const statementFor = (isKeyed: boolean, isLate: boolean): Statement => {
  if (isLate) return isKeyed ? STATEMENTS.keyedLate : STATEMENTS.unkeyedLate;
  return isKeyed ? STATEMENTS.keyed : STATEMENTS.unkeyed;
};

/**
 * Stores jobs of one endpoint and queues them, or delays them to their start, in one statement that
 * has waited for the disk when it returns. `jobs` must not hold one idempotency key twice.
 * @returns the ids that were stored, or that `all` were; the others lost their idempotency key to
 * an earlier submission, which `readIdempotencyKeys` tells. `noEndpoint`: nothing was stored.
 * @throws StoreUnavailable: whether the jobs were stored may be unknown (`isOutcomeUnknown`).
 */
export const acceptJobs = async (
  store: Store,
  endpointId: EndpointId,
  process: string,
  source: SubmissionSource,
  jobs: readonly NewJob[],
): Promise<StoredJobs> => {
  const [first] = jobs;
  if (first === undefined) return 'all';
  if (areAlike(first, jobs)) {
    const isStored = await acceptAlike(store, endpointId, process, first, jobs);
    return isStored ? 'all' : 'noEndpoint';
  }
  return acceptUnlike(store, endpointId, process, source, jobs);
};

/** Whether only ids and inputs tell `jobs` apart, and each is nothing but an input. */
const areAlike = (first: NewJob, jobs: readonly NewJob[]): boolean =>
  jobs.every(
    (job) =>
      job.idempotency === undefined &&
      job.startAtMs === null &&
      job.webhook === null &&
      job.secret === undefined &&
      job.rank === first.rank &&
      job.ttlMs === first.ttlMs &&
      job.executionTimeoutMs === first.executionTimeoutMs,
  );

const acceptAlike = async (
  store: Store,
  endpointId: EndpointId,
  process: string,
  { executionTimeoutMs, ttlMs, rank }: NewJob,
  jobs: readonly NewJob[],
): Promise<boolean> => {
  const inputs = toBlob(jobs.map((job) => job.input));
  const rows = await store.run(STATEMENTS.alike, [
    endpointId,
    process,
    uuidArray(jobs.map((job) => uuidOf(job.jobId))),
    intArray(inputs.at),
    intArray(inputs.lengths),
    executionTimeoutMs,
    ttlMs,
    rank,
    jobs.length,
    inputs.bytes,
  ]);
  return rows.length > 0;
};

const acceptUnlike = async (
  store: Store,
  endpointId: EndpointId,
  process: string,
  source: SubmissionSource,
  jobs: readonly NewJob[],
): Promise<StoredJobs> => {
  const isKeyed = jobs.some((job) => job.idempotency !== undefined);
  const isLate = jobs.some((job) => job.startAtMs !== null);
  const inputs = toBlob(jobs.map((job) => job.input));
  const secrets = toBlob(jobs.map((job) => job.secret));
  const rows = await store.run<{ job_id: string | null }>(statementFor(isKeyed, isLate), [
    endpointId,
    process,
    uuidArray(jobs.map((job) => uuidOf(job.jobId))),
    inputs.bytes,
    intArray(inputs.at),
    intArray(inputs.lengths),
    textArray(jobs.map((job) => job.webhook)),
    bigintArray(jobs.map((job) => job.executionTimeoutMs)),
    bigintArray(jobs.map((job) => job.ttlMs)),
    smallintArray(jobs.map((job) => job.rank)),
    secrets.bytes,
    intArray(secrets.at),
    intArray(secrets.lengths),
    textArray(jobs.map((job) => job.idempotency?.key ?? null)),
    byteaArray(jobs.map((job) => job.idempotency?.bodyHash ?? null)),
    source,
    ...(isLate ? [bigintArray(jobs.map((job) => job.startAtMs))] : []),
  ]);
  const stored = rows.flatMap((row) => (row.job_id === null ? [] : jobIdOf(row.job_id)));
  if (stored.length < rows.length) return 'noEndpoint';
  return stored.length === jobs.length ? 'all' : new Set(stored);
};
