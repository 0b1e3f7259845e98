import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointId } from '@switchyard/contracts';
import { type TestStore, withStore } from '../support/store.ts';
import { makeEndpoint } from './jobs.ts';
import { explainStatement, rowsRead } from './plans.ts';

const MANY = 20_000;
const BATCH = 40;
const TABLES = ['deliveries', 'delivery_tries', 'results', 'jobs'];

const uuidOf = (n: string): string =>
  `('00000000-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;

/** MANY deliveries with a try under way, as many that are over, and as many that are due. */
const fill = async ({ sql }: TestStore, endpointId: EndpointId): Promise<void> => {
  await sql(
    `insert into deliveries (endpoint_id, delivery_id, job_id, event_seq, url, due_at, trying,
      tries, outcome, closed_at)
    select $1, ${uuidOf('n')}, ${uuidOf('n')}, 3, 'https://example.com/hook',
      now() + case when n <= ${MANY} then 30 else -1 end * interval '1 s',
      (n <= 2 * ${MANY})::int, (n between ${MANY + 1} and 2 * ${MANY})::int,
      case when n between ${MANY + 1} and 2 * ${MANY} then 'delivered' end,
      case when n between ${MANY + 1} and 2 * ${MANY} then now() end
    from generate_series(1, 3 * ${MANY}) as n`,
    [endpointId],
  );
  await sql(
    `insert into delivery_tries (endpoint_id, delivery_id, n, outcome)
    select $1, ${uuidOf('n')}, 1, case when n <= ${MANY} then 'started' else 'delivered' end
    from generate_series(1, 2 * ${MANY}) as n`,
    [endpointId],
  );
  await sql(
    `insert into jobs (endpoint_id, job_id, input, execution_timeout_ms, ttl_ms, low_priority,
      created_at)
    select $1, ${uuidOf('n')}, '1', 600000, 600000, false, now()
    from generate_series(1, 3 * ${MANY}) as n`,
    [endpointId],
  );
  await sql(
    `insert into results (endpoint_id, job_id, status, claim_no, attempts, rank, event_seq,
      finished_at)
    select $1, ${uuidOf('n')}, 'COMPLETED', 1, 1, 1, 3, now()
    from generate_series(1, 3 * ${MANY}) as n`,
    [endpointId],
  );
};

const repeated = (value: string): string => `array_fill(${value}, array[${BATCH}])`;
const ENDED = `'{${Array.from({ length: BATCH }, (_, at) => {
  const n = (at + 1).toString(16).padStart(12, '0');
  return `00000000-0000-7000-8000-${n}`;
}).join()}}'`;

const STATEMENTS = [
  {
    name: 'start_deliveries',
    values: (id: string) => [`'${id}'`, String(BATCH), `'{}'`, `'{}'`, String(BATCH)],
    /** It looks at 512 of those that are due. */
    most: 600,
  },
  {
    name: 'record_delivery_tries',
    values: (id: string) => [
      ...[`'${id}'`, ENDED, repeated('1'), repeated(`'delivered'::text`), repeated('5')],
      ...[repeated('200'), repeated(`'\\x'::bytea`), repeated('null::text')],
    ],
    most: 2 * BATCH,
  },
];

for (const { name, values, most } of STATEMENTS) {
  test(`${name} reads what it names, however much lies beside it`, async () => {
    for (const made of ['before the tables fill', 'without statistics', 'with them'] as const) {
      await using database = await withStore();
      const { store, sql } = database;
      for (const table of TABLES) await sql(`alter table ${table} set (autovacuum_enabled = off)`);
      const endpointId = await makeEndpoint(store);
      const isEarly = made === 'before the tables fill';
      if (!isEarly) await fill(database, endpointId);
      if (made === 'with them') await sql('analyze');
      const meanwhile = isEarly ? () => fill(database, endpointId) : undefined;
      const nodes = await explainStatement(store, name, values(endpointId), meanwhile);
      const looks = nodes.filter(
        (node) =>
          TABLES.includes(node['Relation Name'] ?? '') && node['Node Type'] !== 'ModifyTable',
      );
      const rows = looks.map((node) => ({ table: node['Relation Name'], rows: rowsRead(node) }));
      assert(
        rows.some((one) => one.rows >= BATCH),
        `${made}: it found something`,
      );
      for (const one of rows) {
        assert(one.rows <= most, `${made}: ${one.rows} rows of ${one.table} were read`);
      }
    }
  });
}
