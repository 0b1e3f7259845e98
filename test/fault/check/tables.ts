import { type EventName, jobIdOf, type State } from '@switchyard/contracts';
import pg from 'pg';
import { LISTED_CLAIMS } from '../note-listed-claims.ts';

export type JobRow = {
  /** As clients know it. */
  readonly id: string;
  readonly endpoint: string;
  readonly inputSha256: string;
  readonly hasWebhook: boolean;
  readonly isLow: boolean;
  readonly ttlMs: number;
  readonly executionTimeoutMs: number;
  /** Undefined while it has not ended. */
  readonly state: State | undefined;
  readonly outputSha256: string | undefined;
  readonly workerId: string | undefined;
  /** The claim that it ended with. */
  readonly claimNo: number | undefined;
  /** In the order of their sequence. */
  readonly events: readonly EventRow[];
};

export type EventRow = {
  readonly job: string;
  readonly seq: number;
  readonly event: EventName;
  readonly workerId: string | undefined;
  readonly claimNo: number | undefined;
  readonly reason: string | undefined;
  /** In ms since 1970 by the database's clock, with fractions. */
  readonly atMs: number;
  /** Events are published in the order of their places. */
  readonly place: number;
};

export type DeliveryRow = {
  readonly id: string;
  readonly job: string;
  readonly seq: number;
  readonly outcome: string | undefined;
  readonly unknowns: number;
  /** Tries that failed without an answer, as over a connection that was cut. */
  readonly unanswered: number;
};

export type ChunkRow = {
  readonly job: string;
  readonly claimNo: number;
  readonly seq: number;
  readonly output: string;
};

export type CountRow = {
  readonly endpoint: string;
  readonly completed: number;
  readonly failed: number;
  readonly retried: number;
};

/** A claim for a worker whose last inventory still listed the job. */
export type ListedClaimRow = {
  readonly job: string;
  readonly workerId: string;
  readonly claimNo: number;
};

/** What the database has, in memory. */
export type Tables = {
  readonly jobs: ReadonlyMap<string, JobRow>;
  readonly deliveries: readonly DeliveryRow[];
  readonly chunks: readonly ChunkRow[];
  readonly counts: readonly CountRow[];
  /** Empty where nobody writes them down: `noteListedClaims` makes the database do so. */
  readonly listedClaims: readonly ListedClaimRow[];
  /** Every row of every table as text, but for what is sealed. */
  readonly dump: string;
};

const JOBS = `select jobs.job_id, jobs.endpoint_id as endpoint,
  encode(sha256(jobs.input), 'hex') as input_sha256, jobs.webhook is not null as has_webhook,
  jobs.low_priority as is_low, jobs.ttl_ms::float8, jobs.execution_timeout_ms::float8,
  results.status as state, encode(sha256(results.output), 'hex') as output_sha256,
  results.worker_id, results.claim_no
  from jobs left join results using (endpoint_id, job_id)`;
const EVENTS = `select job_id, seq, event, worker_id, claim_no, reason,
  (row_number() over (order by txid, id))::float8 as place,
  extract(epoch from occurred_at)::float8 * 1000 as at_ms from events order by job_id, seq`;
const DELIVERIES = `select delivery_id as id, job_id, event_seq as seq, outcome, unknowns,
  (select count(*)::float8 from delivery_tries as tries
    where tries.endpoint_id = deliveries.endpoint_id and tries.delivery_id = deliveries.delivery_id
      and tries.outcome = 'failed' and tries.response_status is null) as unanswered
  from deliveries`;
const CHUNKS = `select job_id, claim_no, seq, convert_from(output, 'UTF8') as output
  from stream_chunks order by job_id, claim_no, seq`;
const COUNTS = `select endpoint_id as endpoint, sum(completed)::float8 as completed,
  sum(failed)::float8 as failed, sum(retried)::float8 as retried from counts group by endpoint_id`;

/** What is not sealed of each table; bytes as they are, but for those that are no letters. */
const DUMPED: Readonly<Record<string, string>> = {
  jobs: `concat_ws(' ', webhook, encode(input, 'escape'))`,
  results: `encode(coalesce(output, '') || coalesce(error, ''), 'escape')`,
  events: `concat_ws(' ', event, worker_id, reason)`,
  stream_chunks: `encode(output, 'escape')`,
  delivery_tries: `concat_ws(' ', error, encode(response_excerpt, 'escape'))`,
  deliveries: `concat_ws(' ', url, encode(output, 'escape'))`,
  idempotency: 'key',
  audit: `concat_ws(' ', key_id, action, target)`,
  workers: `concat_ws(' ', worker_id, reason)`,
  crash_loops: 'last_error',
  api_keys: `concat_ws(' ', key_id, name)`,
};

type EventFound = {
  job_id: string;
  seq: number;
  event: EventName;
  worker_id: string | null;
  claim_no: number | null;
  reason: string | null;
  at_ms: number;
  place: number;
};

type JobFound = {
  job_id: string;
  endpoint: string;
  input_sha256: string;
  has_webhook: boolean;
  is_low: boolean;
  ttl_ms: number;
  execution_timeout_ms: number;
  state: State | null;
  output_sha256: string | null;
  worker_id: string | null;
  claim_no: number | null;
};

const eventIn = (row: EventFound): EventRow => ({
  ...{ job: jobIdOf(row.job_id), seq: row.seq, event: row.event, atMs: row.at_ms },
  ...{ workerId: row.worker_id ?? undefined, claimNo: row.claim_no ?? undefined },
  ...{ reason: row.reason ?? undefined, place: row.place },
});

const jobIn = (row: JobFound, events: readonly EventRow[]): JobRow => ({
  ...{ id: jobIdOf(row.job_id), endpoint: row.endpoint, inputSha256: row.input_sha256 },
  ...{ hasWebhook: row.has_webhook, isLow: row.is_low, ttlMs: row.ttl_ms, events },
  executionTimeoutMs: row.execution_timeout_ms,
  ...{ state: row.state ?? undefined, outputSha256: row.output_sha256 ?? undefined },
  ...{ workerId: row.worker_id ?? undefined, claimNo: row.claim_no ?? undefined },
});

type Read = <Row extends object>(text: string) => Promise<Row[]>;

const readListedClaims = async (read: Read): Promise<ListedClaimRow[]> => {
  const [found] = await read<{ is_there: boolean }>(
    `select to_regclass('${LISTED_CLAIMS}') is not null as is_there`,
  );
  if (found?.is_there !== true) return [];
  const rows = await read<{ job_id: string; worker_id: string; claim_no: number }>(
    `select job_id, worker_id, claim_no from ${LISTED_CLAIMS}`,
  );
  return rows.map((row) => ({
    ...{ job: jobIdOf(row.job_id), workerId: row.worker_id, claimNo: row.claim_no },
  }));
};

/** Reads all that the checks look at, in one snapshot. */
export const readTables = async (url: string): Promise<Tables> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const read: Read = async <Row extends object>(text: string): Promise<Row[]> =>
    (await client.query<Row>(text)).rows;
  try {
    await client.query('begin isolation level repeatable read read only');
    const events = Map.groupBy((await read<EventFound>(EVENTS)).map(eventIn), ({ job }) => job);
    const jobs = (await read<JobFound>(JOBS)).map((row) =>
      jobIn(row, events.get(jobIdOf(row.job_id)) ?? []),
    );
    const deliveries = await read<Omit<DeliveryRow, 'job'> & { job_id: string }>(DELIVERIES);
    const chunks = await read<{ job_id: string; claim_no: number; seq: number; output: string }>(
      CHUNKS,
    );
    const parts: string[] = [];
    for (const [table, columns] of Object.entries(DUMPED)) {
      const sql = `select string_agg(${columns}, E'\\n') as rows from ${table}`;
      for (const { rows } of await read<{ rows: string | null }>(sql)) parts.push(rows ?? '');
    }
    return {
      jobs: new Map(jobs.map((job) => [job.id, job])),
      deliveries: deliveries.map(({ job_id, ...row }) => ({ ...row, job: jobIdOf(job_id) })),
      chunks: chunks.map((row) => ({
        ...{ job: jobIdOf(row.job_id), claimNo: row.claim_no },
        ...{ seq: row.seq, output: row.output },
      })),
      counts: await read<CountRow>(COUNTS),
      listedClaims: await readListedClaims(read),
      dump: parts.join('\n'),
    };
  } finally {
    await client.end();
  }
};
