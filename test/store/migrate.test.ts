import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { migrate, SchemaMismatch } from '@switchyard/store';
import pg from 'pg';
import { REPOSITORY } from '../check/list-files.ts';
import { type TestDatabase, withDatabase } from '../support/database.ts';

/** A process that migrates and prints the steps that it applied. */
const PROGRAM = `import { migrate } from '@switchyard/store';
  process.stdout.write(JSON.stringify(await migrate(process.argv[1])));`;
const ARGUMENTS = ['--input-type=module', '--eval', PROGRAM];
const CWD = path.join(REPOSITORY, 'test');
const run = promisify(execFile);

const databases: TestDatabase[] = [];
after(() => Promise.all(databases.map((database) => database.close())));

const fresh = async (): Promise<string> => {
  const database = await withDatabase();
  databases.push(database);
  return database.url;
};

const query = async <Row extends object>(url: string, text: string): Promise<Row[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client
    .query<Row>(text)
    .then(({ rows }) => rows)
    .finally(() => client.end());
};

/** Every column with its type and every constraint: the schema, to compare. */
const schemaOf = (url: string): Promise<object[]> =>
  query(
    url,
    `select table_name, column_name, data_type, column_default, is_nullable
      from information_schema.columns where table_schema = 'public' order by 1, 2`,
  );

describe('a migration', () => {
  test('makes the schema, and a second time nothing', async () => {
    const url = await fresh();
    const steps = await migrate(url);
    assert(steps.length > 0);
    const schema = await schemaOf(url);
    assert(schema.length > 100);
    assert.deepEqual(await migrate(url), []);
    assert.deepEqual(await schemaOf(url), schema);
  });

  test('waits for a table that is in use, and lets others at it meanwhile', async () => {
    const url = await fresh();
    const step = '0006-posted-chunks';
    assert((await migrate(url)).includes(step));
    await query(
      url,
      `alter table stream_chunks drop column post_id;
        delete from migrations where name = '${step}'`,
    );
    const reader = new pg.Client({ connectionString: url });
    await reader.connect();
    await reader.query('begin; select count(*) from stream_chunks');
    const migrating = migrate(url);
    await pause(500);
    await query(url, `set statement_timeout = '4s'; select count(*) from stream_chunks`);
    await reader.end();
    assert.deepEqual(await migrating, [step]);
  });

  test('of two processes at once, one does it and the other finds it done', async () => {
    const url = await fresh();
    const rivals = await Promise.all(
      Array.from({ length: 2 }, () => run(process.execPath, [...ARGUMENTS, url], { cwd: CWD })),
    );
    const steps = rivals.map(({ stdout }): unknown => JSON.parse(stdout));
    const applied = await query<{ name: string }>(url, 'select name from migrations order by name');
    const names = applied.map(({ name }) => name);
    assert.deepEqual(steps.toSorted(), [[], names].toSorted());
  });

  test('that breaks in the middle leaves nothing behind', async () => {
    const url = await fresh();
    await query(url, 'create table leases (in_the_way int)');
    await assert.rejects(migrate(url), /already exists/);
    const tables = await query(url, `select tablename from pg_tables where schemaname = 'public'`);
    assert.deepEqual(tables, [{ tablename: 'leases' }]);
    await query(url, 'drop table leases');
    assert((await migrate(url)).length > 0);
  });
});

test('a database that is newer than this version is refused and left alone', async () => {
  const url = await fresh();
  await migrate(url);
  await query(url, `insert into migrations (name) values ('9999-of-the-future')`);
  const schema = await schemaOf(url);
  await assert.rejects(migrate(url), (error) => {
    assert(error instanceof SchemaMismatch);
    assert.match(error.message, /newer Switchyard \(9999-of-the-future\); update this one\.$/);
    return true;
  });
  assert.deepEqual(await schemaOf(url), schema);
});
