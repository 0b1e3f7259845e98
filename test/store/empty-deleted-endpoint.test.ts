import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { EndpointId } from '@switchyard/contracts';
import { resolveSettings } from '@switchyard/lifecycle';
import {
  createEndpoint,
  deleteEndpoint,
  EMPTY_MAX_ROWS,
  emptyDeletedEndpoint,
  findDeletedEndpoints,
  forgetLostWorkers,
  retryJob,
  type Seat,
  type Store,
  StoreUnavailable,
  touchWorkers,
} from '@switchyard/store';
import pg from 'pg';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { EVENTS_EACH, tablesWith, writeHistory } from './history.ts';
import { acceptOne, claimOne, finish, INSTANCE, makeEndpoint, PROCESS, seats } from './jobs.ts';
import { explainStatement, rowsRead } from './plans.ts';

const database = await withStore();
const { store, sql, another, url } = database;
after(() => database[Symbol.asyncDispose]());

/** Makes the endpoint, or one of its id anew. */
const make = (id: EndpointId) => createEndpoint(store, id, resolveSettings(id, {}));

/** Empties the endpoint in one pass. @returns the rows of each portion, and whether it is free. */
const emptyOnce = async (by: Store, id: EndpointId) => {
  const portions: number[] = [];
  const emptying = emptyDeletedEndpoint(by, id);
  for (;;) {
    const { done, value } = await emptying.next();
    if (done === true) return { portions, isFree: value };
    portions.push(value);
  }
};

/** A sign of life of whoever has the seat. */
const signOf = ({ workerId }: Seat) => {
  const told = { state: 'live', reason: null, slots: 1, inventory: undefined } as const;
  return { workerId, ...told };
};

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0);

/** An endpoint that is deleted and not emptied, with one job that failed. */
const makeDeleted = async () => {
  const endpointId = await makeEndpoint(store);
  await acceptOne(store, endpointId);
  const job = await claimOne(store, endpointId);
  await finish(store, endpointId, job, 'FAILED');
  assert.equal(await deleteEndpoint(store, endpointId), 'deleted');
  return { endpointId, jobId: job.jobId };
};

describe('a deleted endpoint', () => {
  test('with a long history goes at once, and its history in short statements', async () => {
    const jobs = 100_000;
    const endpointId = await makeEndpoint(store);
    await writeHistory(database, endpointId, jobs);
    // All of its events at once take longer.
    const hasty = another({ url: `${url}?statement_timeout=200` });
    assert.equal(await deleteEndpoint(hasty, endpointId), 'deleted');
    assert.deepEqual(await findDeletedEndpoints(store), [endpointId]);
    let rows = 0;
    const emptying = emptyDeletedEndpoint(hasty, endpointId);
    for await (const portion of emptying) {
      assert(portion <= EMPTY_MAX_ROWS);
      rows += portion;
    }
    assert.equal(rows, jobs * (EVENTS_EACH + 3));
    assert.deepEqual(await tablesWith(database, endpointId), []);
  });

  test('holds no transaction open between two portions, which would hide events', async () => {
    const endpointId = await makeEndpoint(store);
    await writeHistory(database, endpointId, 1_000);
    await deleteEndpoint(store, endpointId);
    const open = `select from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend'
        and pid <> pg_backend_pid() and (backend_xid is not null or state <> 'idle')`;
    for await (const _rows of emptyDeletedEndpoint(store, endpointId)) {
      assert.deepEqual(await sql(open), []);
    }
  });

  test('goes row by row where more of them take too long', async () => {
    const { endpointId } = await makeDeleted();
    const tooLong = Object.assign(new pg.DatabaseError('canceled', 0, 'error'), { code: '57014' });
    const slow: Store = {
      ...store,
      runPinned: (statement, values) =>
        Number(values[2]) > 1
          ? Promise.reject(new StoreUnavailable(tooLong))
          : store.runPinned(statement, values),
    };
    assert.equal((await emptyOnce(slow, endpointId)).isFree, true);
    assert.deepEqual(await tablesWith(database, endpointId), []);
  });

  test('is emptied by any number of processes, each row by one of them', async () => {
    const endpointId = await makeEndpoint(store);
    await writeHistory(database, endpointId, 10_000);
    await deleteEndpoint(store, endpointId);
    const passes = await Promise.all(
      [another(), another(), another()].map((by) => emptyOnce(by, endpointId)),
    );
    assert.equal(sumOf(passes.flatMap(({ portions }) => portions)), 10_000 * (EVENTS_EACH + 3));
    assert(passes.filter(({ isFree }) => isFree).length <= 1);
    await emptyOnce(store, endpointId);
    assert.deepEqual(await tablesWith(database, endpointId), []);
  });

  test('keeps its id while a row comes late, until that is gone too', async () => {
    const { endpointId } = await makeDeleted();
    const signs = seats(1).map(signOf);
    for await (const _rows of emptyDeletedEndpoint(store, endpointId)) {
      await touchWorkers(store, endpointId, INSTANCE, signs);
    }
    assert.deepEqual(await tablesWith(database, endpointId), ['deleted_endpoints', 'workers']);
    assert.equal(await make(endpointId), 'emptying');
    assert.equal((await emptyOnce(store, endpointId)).isFree, true);
    assert.equal(typeof (await make(endpointId)), 'object');
  });

  test('keeps its id while a row is being changed, and then loses that one too', async () => {
    const { endpointId } = await makeDeleted();
    let isFree = false;
    const emptying = store.inTransaction('plain', async (run) => {
      const change = 'update results set finished_at = finished_at where endpoint_id = $1';
      await run({ name: '', text: change }, [endpointId]);
      const emptied = emptyOnce(another(), endpointId).finally(() => {
        isFree = true;
      });
      const waits = `select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      while (!isFree && (await sql(waits)).length === 0);
      assert(!isFree);
      return { emptied };
    });
    assert.equal((await (await emptying).emptied).isFree, true);
    assert.deepEqual(await tablesWith(database, endpointId), []);
  });

  test('that was made anew and deleted again is not taken for the former one', async () => {
    const { endpointId } = await makeDeleted();
    const slow = emptyDeletedEndpoint(store, endpointId);
    for (let n = 0; n < 10; n += 1) await slow.next();
    await emptyOnce(another(), endpointId);
    await make(endpointId);
    await writeHistory(database, endpointId, 1);
    await deleteEndpoint(store, endpointId);
    for await (const _rows of slow);
    assert.equal(await make(endpointId), 'emptying');
    assert.equal((await emptyOnce(store, endpointId)).isFree, true);
    assert.deepEqual(await tablesWith(database, endpointId), []);
  });

  test('is not made anew before it is empty, and then without anything of the former', async () => {
    const { endpointId } = await makeDeleted();
    assert.equal(await make(endpointId), 'emptying');
    assert.deepEqual(await sql('select from endpoints where endpoint_id = $1', [endpointId]), []);
    await emptyOnce(store, endpointId);
    assert.equal(typeof (await make(endpointId)), 'object');
    assert.equal(await make(endpointId), 'exists');
    assert.deepEqual(await tablesWith(database, endpointId), ['endpoints']);
  });

  test('that was made anew keeps its rows from whoever empties the former one still', async () => {
    const { endpointId } = await makeDeleted();
    const slow = emptyDeletedEndpoint(store, endpointId);
    await slow.next();
    await emptyOnce(another(), endpointId);
    await make(endpointId);
    await acceptOne(store, endpointId);
    for await (const rows of slow) assert.equal(rows, 0);
    const held = ['counts', 'endpoints', 'events', 'jobs', 'queue'];
    assert.deepEqual(await tablesWith(database, endpointId), held);
    // As where a process of an older version made it over its former one.
    await sql('insert into deleted_endpoints values ($1)', [endpointId]);
    assert.deepEqual(sumOf((await emptyOnce(store, endpointId)).portions), 0);
    await sql('delete from deleted_endpoints where endpoint_id = $1', [endpointId]);
  });

  test('has no job that a retry could start, also where the two meet', async () => {
    const { endpointId, jobId } = await makeDeleted();
    assert.equal(await retryJob(store, endpointId, PROCESS, jobId), false);
    const outcomes = new Set<string>();
    for (let round = 0; round < 100; round += 1) {
      const id = await makeEndpoint(store);
      await acceptOne(store, id);
      const job = await claimOne(store, id);
      await finish(store, id, job, 'FAILED');
      const retry = async () => {
        for (let n = 0; n < round % 10; n += 1) await sql('select 1');
        return retryJob(store, id, PROCESS, job.jobId);
      };
      const [deleted, isRetried] = await Promise.all([deleteEndpoint(store, id), retry()]);
      assert.equal(deleted, isRetried ? 'busy' : 'deleted');
      outcomes.add(deleted);
    }
    assert.equal(outcomes.size, 2, 'they met at several steps');
  });

  test('is never there beside one of its id, however often that is made and deleted', async () => {
    const endpointId = await makeEndpoint(store);
    let isOver = false;
    const again = async (work: (by: Store) => Promise<unknown>): Promise<void> => {
      const by = another();
      while (!isOver) await work(by);
    };
    const both = `select from endpoints join deleted_endpoints using (endpoint_id)`;
    const made = new Set<unknown>();
    const watch = async (): Promise<void> => {
      for (let n = 0; n < 500; n += 1) assert.deepEqual(await sql(both), []);
    };
    const create = async (by: Store): Promise<void> => {
      const one = await createEndpoint(by, endpointId, resolveSettings(endpointId, {}));
      made.add(typeof one === 'string' ? one : 'made');
    };
    await Promise.all([
      watch().finally(() => {
        isOver = true;
      }),
      ...[1, 2].map(() => again(create)),
      ...[1, 2].map(() => again((by) => deleteEndpoint(by, endpointId))),
      again((by) => emptyOnce(by, endpointId)),
    ]);
    assert.deepEqual([...made].sort(), ['emptying', 'exists', 'made']);
  });

  test('breaks no invariant while it is emptied, unless jobs of it are left to do', async () => {
    await sql('delete from deleted_endpoints');
    for (const table of ['queue', 'leases', 'results', 'jobs', 'events']) {
      await sql(
        `delete from ${table} where endpoint_id not in (select endpoint_id from endpoints)`,
      );
    }
    const { endpointId, jobId } = await makeDeleted();
    assert.deepEqual(await checkInvariants(url), []);
    await sql(
      `insert into delayed select endpoint_id, $2, now() + interval '1 hour', 10000, 1, 600000,
        now(), false, false from deleted_endpoints where endpoint_id = $1`,
      [endpointId, jobId],
    );
    const [broken = ''] = await checkInvariants(url);
    assert.match(broken, /rows\.no_endpoint.* is gone but for delayed\./);
  });

  test('has no workers, also where a supervisor hears late that it is gone', async () => {
    const endpointId = await makeEndpoint(store);
    await deleteEndpoint(store, endpointId);
    await emptyOnce(store, endpointId);
    const signs = seats(1).map(signOf);
    await touchWorkers(store, endpointId, INSTANCE, signs);
    const kept = await makeEndpoint(store);
    await touchWorkers(store, kept, INSTANCE, signs);
    await forgetLostWorkers(store);
    assert.deepEqual(await tablesWith(database, endpointId), []);
    assert.deepEqual(await tablesWith(database, kept), ['endpoints', 'workers']);
  });
});

const PORTION = 50;
const IN_THE_MIDDLE = '00000000-0000-7000-8000-000000000400';
/** Where the portion begins. */
const PLANNED = {
  ...{ events: IN_THE_MIDDLE, jobs: IN_THE_MIDDLE, results: IN_THE_MIDDLE },
  idempotency: '-infinity',
} as const;

for (const [table, place] of Object.entries(PLANNED)) {
  test(`a portion of ${table} reads what it deletes, whatever the statistics say`, async () => {
    for (const made of ['before the tables fill', 'without statistics', 'with them'] as const) {
      await using fresh = await withStore();
      for (const name of Object.keys(PLANNED)) {
        await fresh.sql(`alter table ${name} set (autovacuum_enabled = off)`);
      }
      const endpointId = await makeEndpoint(fresh.store);
      await deleteEndpoint(fresh.store, endpointId);
      const fill = () => writeHistory(fresh, endpointId, 5_000);
      const isEarly = made === 'before the tables fill';
      if (!isEarly) await fill();
      if (made === 'with them') await fresh.sql('analyze');
      const values = [`'${endpointId}'`, `'${place}'`, String(PORTION)];
      const name = `empty_${table}`;
      const nodes = await explainStatement(fresh.store, name, values, isEarly ? fill : undefined);
      const looks = nodes.filter((node) => node['Relation Name'] === table).map(rowsRead);
      assert(sumOf(looks) >= 2 * PORTION, `${made}: it found something`);
      for (const rows of looks) assert(rows <= PORTION, `${made}: ${rows} rows`);
    }
  });
}
