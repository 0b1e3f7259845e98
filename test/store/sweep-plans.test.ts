import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointId } from '@switchyard/contracts';
import { type TestStore, withStore } from '../support/store.ts';
import { makeEndpoint } from './jobs.ts';
import { explainStatement, rowsRead } from './plans.ts';

const MANY = 5_000;
const DUE = 10;

/**
 * Low jobs, of which the first DUE are to escalate; as many delayed ones are to start. All webhooks
 * are due: whoever looks for the endpoints that have some need not read them.
 */
const fill = async ({ sql }: TestStore, endpointId: EndpointId): Promise<void> => {
  const id = `('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid`;
  const when = `case when n <= ${DUE} then now() - interval '1 s' else now() + interval '1 h' end`;
  const all = `generate_series(1, ${MANY}) as n`;
  await sql(
    `insert into queue (endpoint_id, rank, deadline_at, job_id, claim_no, attempts, event_seq,
      execution_timeout_ms, waiting_since, escalate_at, has_webhook, has_secrets)
    select $1, 3, now() + interval '1 day', ${id}, 0, 0, 1, 600000, now(), ${when}, false, false
    from ${all}`,
    [endpointId],
  );
  await sql(
    `insert into delayed (endpoint_id, job_id, start_at, ttl_ms, rank, execution_timeout_ms,
      waiting_since, has_webhook, has_secrets)
    select $1, gen_random_uuid(), ${when}, 10000, 1, 600000, now() - interval '1 day', false, false
    from ${all}`,
    [endpointId],
  );
  await sql(
    `insert into results (endpoint_id, job_id, status, claim_no, attempts, rank, event_seq,
      finished_at)
    select $1, ${id}, 'COMPLETED', 1, 1, 1, 3,
      case when n <= ${DUE} then now() - interval '1 year' else now() end from ${all}`,
    [endpointId],
  );
  await sql(
    `insert into events (endpoint_id, job_id, seq, event)
    select $1, ${id}, seq, 'accepted' from ${all}, generate_series(100, 102) as seq`,
    [endpointId],
  );
  await sql(
    `insert into jobs (endpoint_id, job_id, input, execution_timeout_ms, ttl_ms, low_priority,
      created_at)
    select $1, ${id}, '{}', 600000, 10000, true, now() from ${all}`,
    [endpointId],
  );
  await sql(
    `insert into deliveries (endpoint_id, job_id, event_seq, url, due_at)
    select $1, gen_random_uuid(), 3, 'https://example.com', now() from ${all}`,
    [endpointId],
  );
  await sql(`update cursors set txid = '9000000000' where name = 'relay'`);
};

const SWEEPS: readonly { readonly name: string; readonly values: (id: string) => string[] }[] = [
  { name: 'escalate_jobs', values: (id) => [`'${id}'`] },
  { name: 'start_delayed', values: (id) => [`'${id}'`] },
  { name: 'retire_jobs', values: (id) => [`'${id}'`, '1000'] },
  { name: 'find_escalating', values: () => [] },
  { name: 'find_startable', values: () => [] },
  { name: 'find_retired', values: () => [] },
  { name: 'find_due_deliveries', values: () => [] },
];

const TABLES = ['queue', 'delayed', 'results', 'jobs', 'events', 'leases', 'deliveries'];

for (const { name, values } of SWEEPS) {
  test(`${name} reads what is due, however much lies beside it`, async () => {
    for (const made of ['before the tables fill', 'without statistics', 'with them'] as const) {
      await using database = await withStore();
      const { store, sql } = database;
      for (const table of TABLES) await sql(`alter table ${table} set (autovacuum_enabled = off)`);
      const endpointId = await makeEndpoint(store);
      const given = values(endpointId);
      const isEarly = made === 'before the tables fill';
      if (!isEarly) await fill(database, endpointId);
      if (made === 'with them') await sql('analyze');
      const meanwhile = isEarly ? () => fill(database, endpointId) : undefined;
      const nodes = await explainStatement(store, name, given, meanwhile);
      const looks = nodes.filter((node) => TABLES.includes(node['Relation Name'] ?? ''));
      const rows = looks.map((node) => ({ table: node['Relation Name'], rows: rowsRead(node) }));
      assert(
        rows.some((one) => one.rows > 0),
        `${made}: it found something`,
      );
      for (const one of rows) assert(one.rows <= 10 * DUE, `${made}: ${JSON.stringify(one)}`);
    }
  });
}
