/** What a long life of an endpoint leaves behind. */
import type { EndpointId } from '@switchyard/contracts';
import type { TestStore } from '../support/store.ts';

/** Events of each job. */
export const EVENTS_EACH = 3;

/** Writes `jobs` jobs that ended, each with its events and its idempotency key. */
export const writeHistory = async (
  { sql }: Pick<TestStore, 'sql'>,
  endpointId: EndpointId,
  jobs: number,
): Promise<void> => {
  const id = `('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid`;
  const all = `generate_series(1, ${jobs}) as n`;
  await sql(
    `insert into jobs (endpoint_id, job_id, input, execution_timeout_ms, ttl_ms, low_priority,
      created_at)
    select $1, ${id}, '{"n":1}', 600000, 10000, false, now() from ${all}`,
    [endpointId],
  );
  await sql(
    `insert into results (endpoint_id, job_id, status, output, claim_no, attempts, rank, event_seq,
      finished_at)
    select $1, ${id}, 'COMPLETED', '{"ok":true}', 1, 1, 1, ${EVENTS_EACH}, now() from ${all}`,
    [endpointId],
  );
  await sql(
    `insert into events (endpoint_id, job_id, seq, event, worker_id, claim_no)
    select $1, ${id}, seq, (array['accepted', 'started', 'completed'])[seq],
      case when seq > 1 then 'worker-1' end, case when seq > 1 then 1 end
    from ${all}, generate_series(1, ${EVENTS_EACH}) as seq`,
    [endpointId],
  );
  await sql(
    `insert into idempotency (endpoint_id, source, key, body_hash, job_id, expires_at)
    select $1, 'http', 'key-' || n, sha256('body'), ${id}, now() + n * interval '1 ms' from ${all}`,
    [endpointId],
  );
};

/** The names of the tables that hold rows of the endpoint. */
export const tablesWith = async (
  { sql }: Pick<TestStore, 'sql'>,
  endpointId: EndpointId,
): Promise<string[]> => {
  const tables = await sql<{ name: string }>(
    `select table_name as name from information_schema.columns
      where column_name = 'endpoint_id' and table_schema = 'public' order by 1`,
  );
  const used: string[] = [];
  for (const { name } of tables) {
    const look = `select from ${name} where endpoint_id = $1 limit 1`;
    if ((await sql(look, [endpointId])).length > 0) used.push(name);
  }
  return used;
};
