import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listStatements } from '@switchyard/store';
import { withStore } from '../support/store.ts';

/** The tables that grow with the jobs: a look at one without its endpoint reads everybody's. */
const HOT = [
  ...['queue', 'delayed', 'leases', 'results', 'jobs', 'events', 'stream_chunks', 'deliveries'],
];

/** The statements that may look at a hot table without naming one endpoint, and why. */
const SWEEPS: Readonly<Record<string, string>> = {
  find_expired: 'asks each endpoint and rank for one row of its index range',
  find_escalating: 'asks each endpoint for one row of its index range',
  find_startable: 'asks each endpoint for one row of its index range',
  find_retired: 'asks each endpoint for one row of its index range',
  find_overdue: 'leases are as few as running jobs',
  find_waiting: 'asks each endpoint that it is given for one row',
  find_leases_addressed_to: 'leases are as few as running jobs, and one supervisor has all sorts',
  find_lost_leases: 'leases are as few as running jobs',
  forget_lost_workers: 'asks for the leases of workers that are silent for an hour',
  find_due_deliveries: 'asks each endpoint for one row of its index range',
  read_events_after: 'the relay reads the log in commit order, by its index, over all endpoints',
  find_job: 'asks each endpoint that it is given for one row',
  list_workers: 'leases are as few as running jobs',
  ...Object.fromEntries(
    ['', '_in_queue', '_in_progress', '_completed', '_failed', '_cancelled', '_timed_out'].map(
      (state) => [`search_jobs${state}`, 'asks each endpoint for a bounded range of its index'],
    ),
  ),
  find_lost_endpoints: 'steps through the endpoints by the index, one row of each',
  realign_cursor: 'reads the whole log where it was restored, else one row of its index',
  read_cursor_lag: 'as the relay reads: one row of the index of the commit order',
};

/** An insert: its table, its first column, and what that column gets. */
const INSERT = /insert into (\w+)[^(]*\((\w+)[^)]*\)\s*select\s+([^,\s]+)/g;

/** The parts of a statement: each CTE, and what stands behind the last one. */
const partsOf = (text: string): string[] => text.split(/\b\w+ as (?:materialized )?\(\n/);

/** A change of rows that another part of the statement has locked, which names the endpoint. */
const BY_SPOT = /(?:delete from|update) \w+ .*?ctid = any \(array\(\s*select (?:\w+\.)?spot from/s;

/** The hot tables that a part reads or changes without bounding them to endpoint $1. */
const unbounded = (part: string): string[] => {
  if (BY_SPOT.test(part)) return [];
  const looks = [...part.matchAll(/\b(?:from|join|using|update)\s+(\w+)(?:\s+as\s+(\w+))?/g)];
  return looks
    .filter(([, table]) => HOT.includes(table ?? ''))
    .filter(([, table, alias]) => {
      const owned = new RegExp(`\\b${alias ?? table}\\.endpoint_id = \\$1\\b`);
      const bare = /(?<![.\w])endpoint_id = \$1\b/;
      return !owned.test(part) && !bare.test(part);
    })
    .map(([, table]) => String(table));
};

test('every statement is one that Postgres prepares on this schema', async () => {
  await using database = await withStore();
  const statements = listStatements();
  assert(statements.length >= 40, `${statements.length} statements`);
  for (const { name, text } of statements) {
    await assert.doesNotReject(database.sql(`prepare ${name} as ${text}`), name);
  }
  const prepared = await database.sql('select name from pg_prepared_statements');
  assert.equal(prepared.length, statements.length);
});

test('every hot statement names one endpoint for every hot table that it touches', () => {
  for (const { name, text } of listStatements()) {
    if (name in SWEEPS) continue;
    const faults = partsOf(text).flatMap(unbounded);
    assert.deepEqual(faults, [], `${name} is not bound to one endpoint`);
    for (const [, table, column, value] of text.matchAll(INSERT)) {
      if (!HOT.includes(table ?? '')) continue;
      assert.equal(`${column} ${value}`, 'endpoint_id $1', `${name} writes ${table} elsewhere`);
    }
  }
});

test('the list of sweeps holds nothing that needs no place on it', () => {
  const byName = new Map(listStatements().map(({ name, text }) => [name, text]));
  for (const name of Object.keys(SWEEPS)) {
    const text = byName.get(name) ?? assert.fail(`there is no statement ${name}`);
    assert(partsOf(text).flatMap(unbounded).length > 0, `${name} names its endpoint after all`);
  }
});
