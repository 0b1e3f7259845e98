import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '@switchyard/store';
import { type TestStore, withStore } from '../support/store.ts';
import { claim, makeEndpoint } from './jobs.ts';
import { explainStatement, type Plan, rowsRead } from './plans.ts';

/** Puts `count` jobs into the queue, far faster than accepting them. */
const fill = async (
  { sql }: TestStore,
  endpointId: EndpointId,
  count: number,
  deadline: string,
): Promise<void> => {
  const job = `('00000000-0000-7000-8000-' || lpad(to_hex(
    (select count(*) from jobs) + n), 12, '0'))::uuid as job_id`;
  await sql(
    `with made as (select n, ${job} from generate_series(1, $2::int) as n),
    stored as (insert into jobs (endpoint_id, job_id, input, execution_timeout_ms, ttl_ms,
        low_priority, created_at)
      select $1, job_id, '{}', 600000, 10000, false, now() from made)
    insert into queue (endpoint_id, rank, deadline_at, job_id, claim_no, attempts, event_seq,
      execution_timeout_ms, waiting_since, has_webhook, has_secrets)
    select $1, 1, ${deadline} + n * interval '1 us', job_id, 0, 0, 1, 600000, now(), false, false
    from made`,
    [endpointId, count],
  );
};

/** What the claim of ten seats does. */
const explainClaim = (
  store: Store,
  endpointId: EndpointId,
  meanwhile?: () => Promise<void>,
): Promise<Plan[]> => {
  const seats = `array[${Array(10).fill(`'w'`).join(',')}]::text[]`;
  const anywhere = `'-infinity'`;
  const values = [`'${endpointId}'`, seats, seats, `'p'`, 'false', anywhere, anywhere];
  return explainStatement(store, 'claim_jobs', values, meanwhile);
};

test('the plan of the claim walks indexes, whatever the statistics say or lack', async () => {
  await using database = await withStore();
  const { store, sql } = database;
  await sql('alter table queue set (autovacuum_enabled = off)');
  await sql('alter table jobs set (autovacuum_enabled = off)');
  const endpointId = await makeEndpoint(store);
  await fill(database, endpointId, 20_000, `now() + interval '1 hour'`);
  for (const statistics of ['never gathered', 'fresh', 'of another time']) {
    if (statistics === 'fresh') await sql('analyze');
    if (statistics === 'of another time') {
      await sql('delete from queue');
      await sql('analyze queue');
      await fill(database, endpointId, 20_000, `now() + interval '1 hour'`);
    }
    const nodes = await explainClaim(store, endpointId);
    const kinds = nodes.map((node) => node['Node Type']);
    const onTables = nodes.filter((node) => node['Relation Name'] !== undefined);
    const ranks = nodes.filter(
      (node) => node['Relation Name'] === 'queue' && node['Node Type'] === 'Index Scan',
    );
    assert(ranks.length >= 4, `${statistics}: a range of the index for each rank`);
    assert(!kinds.includes('Sort'), `${statistics}: nothing is sorted`);
    for (const node of onTables.filter((one) => one['Node Type'] === 'Seq Scan')) {
      assert.fail(`${statistics}: ${node['Relation Name']} is read whole`);
    }
    for (const node of onTables) {
      assert(rowsRead(node) <= 20, `${statistics}: ${node['Relation Name']}: ${rowsRead(node)}`);
    }
  }
});

test('a claim passes 100,000 expired jobs by without reading them', async () => {
  await using database = await withStore();
  const { store } = database;
  const endpointId = await makeEndpoint(store);
  await fill(database, endpointId, 100_000, `now() - interval '1 hour'`);
  await fill(database, endpointId, 100, `now() + interval '1 hour'`);
  const nodes = await explainClaim(store, endpointId);
  const scans = nodes.filter((node) => node['Relation Name'] === 'queue');
  assert(scans.length > 0);
  for (const node of scans)
    assert(rowsRead(node) <= 20, `${rowsRead(node)} rows of the queue read`);
  const blocks = (nodes[0]?.['Shared Hit Blocks'] ?? 0) + (nodes[0]?.['Shared Read Blocks'] ?? 0);
  assert(blocks < 1_000, `${blocks} blocks for ten jobs`);
  assert.equal((await claim(store, endpointId, 10)).length, 10);
});

test('a plan made on empty tables reads no more once they are full', async () => {
  await using database = await withStore();
  const { store, sql } = database;
  await sql('alter table queue set (autovacuum_enabled = off)');
  await sql('alter table jobs set (autovacuum_enabled = off)');
  const endpointId = await makeEndpoint(store);
  const nodes = await explainClaim(store, endpointId, () =>
    fill(database, endpointId, 20_000, `now() + interval '1 hour'`),
  );
  const onTables = nodes.filter((node) => node['Relation Name'] !== undefined);
  assert(onTables.some((node) => rowsRead(node) === 10));
  for (const node of onTables) {
    assert(rowsRead(node) <= 20, `${node['Relation Name']}: ${rowsRead(node)} rows read`);
  }
});

test('what claims pass over is found without reading the queue', async () => {
  await using database = await withStore();
  const { store, sql } = database;
  await sql('alter table queue set (autovacuum_enabled = off)');
  const endpointId = await makeEndpoint(store);
  const values = [`'${endpointId}'`, `'infinity'`, `'infinity'`];
  const nodes = await explainStatement(store, 'find_earlier', values, () =>
    fill(database, endpointId, 20_000, `now() + interval '1 hour'`),
  );
  const scans = nodes.filter((node) => node['Relation Name'] === 'queue');
  assert.equal(scans.length, 2);
  for (const node of scans) assert(rowsRead(node) <= 1, `${rowsRead(node)} rows read`);
});
