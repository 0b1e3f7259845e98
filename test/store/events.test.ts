import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { JobId } from '@switchyard/contracts';
import {
  type EventCursor,
  type LoggedEvent,
  moveCursor,
  readEventsAfter,
  readEventsOfJob,
  realignCursor,
  type Store,
  takeCursor,
} from '@switchyard/store';
import pg from 'pg';
import { type TestStore, withStore } from '../support/store.ts';
import { accept, acceptOne, claim, finish, makeEndpoint } from './jobs.ts';

const database = await withStore();
const { store, sql, url } = database;
after(() => database[Symbol.asyncDispose]());

const START: EventCursor = { txid: '0', id: 0 };
const keyOf = ({ jobId, seq }: LoggedEvent): string => `${jobId} ${seq}`;

/** Reads from `cursor` to the end, a few events at a time. */
const readOn = async (from: EventCursor, limit = 7): Promise<LoggedEvent[]> => {
  const events = await readEventsAfter(store, from, limit);
  const last = events.at(-1);
  return last === undefined ? [] : [...events, ...(await readOn(last, limit))];
};

/**
 * Reads from `cursor` until there are `count` events. They may come late, but never out of order: a
 * transaction in another database of the server hides what was written after it began.
 */
const readUntil = async (from: EventCursor, count: number, limit = 7): Promise<LoggedEvent[]> => {
  for (;;) {
    const events = await readOn(from, limit);
    if (events.length >= count) return events;
  }
};

/** Behind the last event that was written. */
const end = async (): Promise<EventCursor> => {
  const last = 'select txid::text, id::int from events order by events.txid desc, id desc limit 1';
  return (await sql<EventCursor>(last))[0] ?? START;
};

/** A session of its own that can hold a transaction open. */
const session = async (): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
};

const EVENT = `insert into events (endpoint_id, job_id, seq, event)
  values ($1, gen_random_uuid(), 1, 'accepted') returning job_id`;

describe('the event log', () => {
  test('is in the order of numbers where transaction numbers get a digit more', async () => {
    const endpointId = await makeEndpoint(store);
    // Numbers that every server has passed: a cluster begins beyond 700.
    for (const txid of [99, 100, 9]) {
      const insert = `insert into events (txid, endpoint_id, job_id, seq, event)
        values ($2::text::xid8, $1, gen_random_uuid(), 1, 'accepted')`;
      await sql(insert, [endpointId, txid]);
    }
    const read = (await readOn(START, 1)).filter((event) => event.endpointId === endpointId);
    assert.deepEqual(
      read.map(({ txid }) => txid),
      ['9', '99', '100'],
    );
    await sql('delete from events where endpoint_id = $1', [endpointId]);
  });

  test('is read whole and in order, however small the pages', async () => {
    const endpointId = await makeEndpoint(store);
    const from = await end();
    const ids = await accept(store, endpointId, ...Array<object>(20).fill({}));
    for (const job of await claim(store, endpointId, 20)) await finish(store, endpointId, job);
    const events = await readUntil(from, 60);
    assert.equal(events.length, 60);
    for (const jobId of ids) {
      const own = events.filter((event) => event.jobId === jobId);
      assert.deepEqual(
        own.map(({ seq }) => seq),
        [1, 2, 3],
      );
      assert.deepEqual(own, await readEventsOfJob(store, endpointId, jobId));
    }
    assert.deepEqual(await readUntil(from, 60, 1), events);
    assert.deepEqual(await readEventsAfter(store, await end(), 10), []);
  });

  test('skips no event of a transaction that commits late', async () => {
    const endpointId = await makeEndpoint(store);
    const from = await end();
    const late = await session();
    await late.query('begin');
    await late.query(EVENT, [endpointId]);
    const quick = await acceptOne(store, endpointId);
    assert.deepEqual(await readOn(from), [], 'what came later waits for what came before');
    await late.query('commit');
    const events = await readUntil(from, 2);
    assert.equal(events.length, 2);
    assert.equal(events[1]?.jobId, quick);
    await late.end();
  });

  test('passes on when a late transaction is rolled back', async () => {
    const endpointId = await makeEndpoint(store);
    const from = await end();
    const late = await session();
    await late.query('begin');
    await late.query(EVENT, [endpointId]);
    const quick = await acceptOne(store, endpointId);
    assert.deepEqual(await readOn(from), []);
    await late.query('rollback');
    assert.deepEqual(
      (await readUntil(from, 1)).map(({ jobId }) => jobId),
      [quick],
    );
    await late.end();
  });

  test('loses and repeats nothing while writers of all speeds go on', async () => {
    const endpointId = await makeEndpoint(store);
    let cursor = await end();
    const seen: string[] = [];
    const written: string[] = [];
    let writing = 4;
    const write = async (held: number): Promise<void> => {
      const client = await session();
      for (let n = 0; n < 40; n += 1) {
        await client.query('begin');
        const { rows } = await client.query<{ job_id: string }>(EVENT, [endpointId]);
        await client.query('select pg_sleep($1)', [(held * (n % 3)) / 1_000]);
        await client.query('commit');
        written.push(...rows.map((row) => `${row.job_id} 1`));
      }
      await client.end();
      writing -= 1;
    };
    const read = async (): Promise<void> => {
      for (;;) {
        const events = await readEventsAfter(store, cursor, 5);
        // Foreign ids come back as job ids; only their text is compared.
        seen.push(...events.map((event) => keyOf(event).replace('sync-', '')));
        cursor = events.at(-1) ?? cursor;
        if (writing === 0 && events.length === 0 && seen.length >= written.length) return;
      }
    };
    await Promise.all([write(0), write(1), write(3), write(8), read()]);
    assert.deepEqual(seen.toSorted(), written.toSorted());
  });
});

describe('the cursor of the relay', () => {
  const take = (of: Store, runner: string, holdMs: number) =>
    takeCursor(of, 'relay', runner, holdMs);

  test('is held by one runner at a time, who moves it forward only', async () => {
    const rival = database.another();
    assert.deepEqual(await take(store, 'a', 60_000), START);
    assert.equal(await take(rival, 'b', 60_000), undefined);
    await moveCursor(rival, 'relay', 'b', { txid: '50', id: 5 });
    assert.deepEqual(await take(store, 'a', 60_000), START, 'its holder may take it again');
    await moveCursor(store, 'relay', 'a', { txid: '50', id: 5 });
    await moveCursor(store, 'relay', 'a', { txid: '49', id: 9 });
    await moveCursor(store, 'relay', 'a', { txid: '50', id: 4 });
    assert.deepEqual(await take(store, 'a', 0), { txid: '50', id: 5 });
    assert.deepEqual(await take(rival, 'b', 60_000), { txid: '50', id: 5 }, 'its time was over');
    await moveCursor(store, 'relay', 'a', { txid: '60', id: 1 });
    assert.deepEqual(await take(rival, 'b', 60_000), { txid: '50', id: 5 });
  });

  test('of no name is nobody’s', async () => {
    assert.equal(await takeCursor(store, 'other', 'a', 60_000), undefined);
  });
});

describe('the log of another cluster', () => {
  const FAR = 1_000_000_000;
  /** As a dump leaves it: the numbers of transactions are those of a cluster that was older. */
  const restore = async (told: number): Promise<EventCursor> => {
    // Not as the relay reads them: a transaction elsewhere on the server would hide some.
    const written = 'select txid::text, id::int from events order by events.txid, id';
    const last = (await sqlOf<EventCursor>(written))[told - 1] ?? START;
    await sqlOf(`update events set txid = (txid::text::bigint + ${FAR})::text::xid8`);
    const cursor = { txid: String(Number(last.txid) + FAR), id: last.id };
    await sqlOf('update cursors set txid = $1::xid8, id = $2', [cursor.txid, cursor.id]);
    return cursor;
  };
  let sqlOf: TestStore['sql'];

  const prepare = async (one: TestStore) => {
    sqlOf = one.sql;
    const endpointId = await makeEndpoint(one.store);
    const jobs: JobId[] = [];
    for (let n = 0; n < 4; n += 1) jobs.push(await acceptOne(one.store, endpointId));
    return { endpointId, jobs };
  };

  test('is numbered anew: what was told stays told, all else is read', async () => {
    await using one = await withStore();
    const { endpointId, jobs } = await prepare(one);
    await restore(2);
    const own = await acceptOne(one.store, endpointId);
    await takeCursor(one.store, 'relay', 'a', 60_000);
    assert.equal(await realignCursor(one.store, 'relay', 'a'), 3);
    const cursor = (await takeCursor(one.store, 'relay', 'a', 60_000)) ?? assert.fail();
    const idsOf = async (): Promise<JobId[]> =>
      (await readEventsAfter(one.store, cursor, 10)).map(({ jobId }) => jobId);
    while ((await idsOf()).length < 3);
    const next = await acceptOne(one.store, endpointId);
    while ((await idsOf()).length < 4);
    assert.deepEqual(await idsOf(), [...jobs.slice(2), own, next]);
    assert.equal(await realignCursor(one.store, 'relay', 'a'), undefined, 'it is one of ours now');
  });

  test('is found by events beyond the cursor as well', async () => {
    await using one = await withStore();
    await prepare(one);
    await restore(0);
    await sqlOf("update cursors set txid = '0', id = 0");
    await takeCursor(one.store, 'relay', 'a', 60_000);
    assert.equal(await realignCursor(one.store, 'relay', 'a'), 4);
  });

  test('is left alone by whoever does not hold the cursor, and any other log', async () => {
    await using one = await withStore();
    await prepare(one);
    await takeCursor(one.store, 'relay', 'a', 60_000);
    assert.equal(await realignCursor(one.store, 'relay', 'a'), undefined);
    const cursor = await restore(2);
    assert.equal(await realignCursor(one.store, 'relay', 'b'), undefined);
    assert.deepEqual(await takeCursor(one.store, 'relay', 'a', 60_000), cursor);
  });
});
