import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { EndpointId, JobId } from '@switchyard/contracts';
import {
  addWebhookSecret,
  type DeliveryTry,
  findDueDeliveries,
  giveWebhookSecret,
  listDeliveries,
  readWebhookSecrets,
  recordDeliveryTries,
  type StartedDelivery,
  startDeliveries,
} from '@switchyard/store';
import { checkInvariants } from '../support/invariants.ts';
import { withStore } from '../support/store.ts';
import { accept, claim, finish, makeEndpoint } from './jobs.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());

const ROOM = { busy: new Map<string, number>(), idle: 100 };
const ended = (deliveryId: string, n: number, delivered: boolean): DeliveryTry => ({
  ...{ deliveryId, n },
  ...{ delivered, durationMs: 12.6, responseStatus: delivered ? 200 : 500 },
  ...{ responseExcerpt: Buffer.from('answer'), error: delivered ? null : 'The answer was 500.' },
});

const record = (endpointId: EndpointId, deliveryId: string, n: number, delivered: boolean) =>
  recordDeliveryTries(store, endpointId, [ended(deliveryId, n, delivered)]);

/** An endpoint with `count` deliveries that are due. */
const finished = async (count: number, webhook = 'https://example.com/hook') => {
  const endpointId = await makeEndpoint(store);
  const ids = await accept(store, endpointId, ...Array<object>(count).fill({ webhook }));
  for (const job of await claim(store, endpointId, count)) await finish(store, endpointId, job);
  return { endpointId, jobId: ids[0] ?? assert.fail('one job at least') };
};

/** As if the ten seconds after each try, and the half minute of a lost one, had gone by. */
const makeDue = async (endpointId: EndpointId): Promise<void> => {
  await sql(
    `update delivery_tries set started_at = started_at - interval '31 s' where endpoint_id = $1`,
    [endpointId],
  );
  await sql(
    `update deliveries set due_at = statement_timestamp(), lost_at = lost_at - interval '30 s'
    where endpoint_id = $1`,
    [endpointId],
  );
};

/** Resolves once a statement waits for a lock of the session beside. */
const untilBlocked = async (): Promise<void> => {
  const query = `select from pg_stat_activity
    where datname = current_database() and pg_backend_pid() = any (pg_blocking_pids(pid))`;
  for (let rows: object[] = []; rows.length === 0; rows = await sql(query)) {
    await pause(5);
    // Within a transaction the activity is that of its first look.
    await sql('select pg_stat_clear_snapshot()');
  }
};

const startOne = async (endpointId: EndpointId): Promise<StartedDelivery> => {
  await makeDue(endpointId);
  const started = await startDeliveries(store, endpointId, 10, ROOM);
  assert.equal(started.length, 1);
  return started[0] ?? assert.fail('it was due');
};

const triesOf = async (endpointId: EndpointId): Promise<unknown[]> =>
  (await listDeliveries(store, endpointId, null, 10)).map((row) => [
    row.n,
    row.try_outcome,
    row.outcome,
  ]);

describe('a delivery', () => {
  test('is due at once, tells the result, and ends with its first success', async () => {
    const { endpointId, jobId } = await finished(1);
    assert((await findDueDeliveries(store)).includes(endpointId));
    const [started] = await startDeliveries(store, endpointId, 10, ROOM);
    assert(started);
    assert.deepEqual(
      [started.jobId, started.n, started.url],
      [jobId, 1, 'https://example.com/hook'],
    );
    assert.equal(started.result.status, 'COMPLETED');
    assert.equal(String(started.result.output), '{"ok":true}');
    assert.deepEqual(await triesOf(endpointId), [[1, 'started', null]]);
    assert.deepEqual(await startDeliveries(store, endpointId, 10, ROOM), [], 'it is under way');
    await record(endpointId, started.deliveryId, 1, true);
    assert.deepEqual(await triesOf(endpointId), [[1, 'delivered', 'delivered']]);
    await makeDue(endpointId);
    assert.deepEqual(await startDeliveries(store, endpointId, 10, ROOM), []);
    assert(!(await findDueDeliveries(store)).includes(endpointId));
  });

  test('is tried three times, ten seconds after the end of each, then it has failed', async () => {
    const { endpointId } = await finished(1);
    for (const n of [1, 2, 3]) {
      const { deliveryId, n: told } = await startOne(endpointId);
      assert.equal(told, n);
      await record(endpointId, deliveryId, n, false);
      const [row] = await sql<{ wait: number; open: boolean }>(
        `select extract(epoch from due_at - statement_timestamp())::float8 as wait,
          closed_at is null as open from deliveries where endpoint_id = $1`,
        [endpointId],
      );
      assert.equal(row?.open, n < 3);
      if (n < 3) assert(row && row.wait > 9 && row.wait <= 10, `${row?.wait} s`);
    }
    assert.deepEqual(await triesOf(endpointId), [
      [1, 'failed', 'failed'],
      [2, 'failed', 'failed'],
      [3, 'failed', 'failed'],
    ]);
    const [first] = await listDeliveries(store, endpointId, null, 10);
    assert.deepEqual(
      [first?.duration_ms, first?.response_status, String(first?.response_excerpt), first?.error],
      [13, 500, 'answer', 'The answer was 500.'],
    );
  });

  test('that lost its sender is tried again, the third time it is given up', async () => {
    const { endpointId } = await finished(1);
    for (const n of [1, 2, 3]) assert.equal((await startOne(endpointId)).n, n);
    await makeDue(endpointId);
    assert.deepEqual(await startDeliveries(store, endpointId, 10, ROOM), []);
    assert.deepEqual(await triesOf(endpointId), [
      [1, 'unknown', 'failed'],
      [2, 'unknown', 'failed'],
      [3, 'unknown', 'failed'],
    ]);
  });

  test('counts unknown tries apart from the three known ones', async () => {
    const { endpointId } = await finished(1);
    for (const reports of [false, true, false, true, true]) {
      const { deliveryId, n } = await startOne(endpointId);
      if (reports) await record(endpointId, deliveryId, n, false);
    }
    assert.deepEqual(await triesOf(endpointId), [
      [1, 'unknown', 'failed'],
      [2, 'failed', 'failed'],
      [3, 'unknown', 'failed'],
      [4, 'failed', 'failed'],
      [5, 'failed', 'failed'],
    ]);
  });

  test('hears a try once: not twice, not once given up, not by another number', async () => {
    const { endpointId } = await finished(1);
    const { deliveryId } = await startOne(endpointId);
    const second = await startOne(endpointId);
    for (const n of [1, 3]) {
      await record(endpointId, deliveryId, n, true);
    }
    assert.deepEqual(await triesOf(endpointId), [
      [1, 'unknown', null],
      [2, 'started', null],
    ]);
    await record(endpointId, deliveryId, second.n, false);
    await record(endpointId, deliveryId, second.n, true);
    const rows = await sql(
      'select tries, unknowns, outcome from deliveries where endpoint_id = $1',
      [endpointId],
    );
    assert.deepEqual(rows, [{ tries: 1, unknowns: 1, outcome: null }]);
  });

  test('that is moved while its end is recorded takes it the second time', async () => {
    const { endpointId } = await finished(1);
    const { deliveryId, n } = await startOne(endpointId);
    await sql('begin');
    await sql('update deliveries set output = output where endpoint_id = $1', [endpointId]);
    const first = record(endpointId, deliveryId, n, true);
    await untilBlocked();
    await sql('commit');
    assert.equal(await first, 0);
    assert.equal(await record(endpointId, deliveryId, n, true), 1);
    assert.deepEqual(await triesOf(endpointId), [[1, 'delivered', 'delivered']]);
    assert.equal(await record(endpointId, deliveryId, n, true), 0, 'it is over');
  });
});

describe('deliveries', () => {
  test('are started once each by rivals', async () => {
    const { endpointId } = await finished(60);
    const rivals = [store, database.another(), database.another()];
    const started = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        startDeliveries(rivals[n % 3] ?? store, endpointId, 10, ROOM),
      ),
    );
    const ids = started.flat().map(({ deliveryId }) => deliveryId);
    assert.equal(new Set(ids).size, ids.length);
    while (ids.length < 60) {
      const more = await startDeliveries(store, endpointId, 10, ROOM);
      assert(more.length > 0, 'none is left behind');
      ids.push(...more.map(({ deliveryId }) => deliveryId));
    }
    assert.equal(new Set(ids).size, 60);
  });

  test('go to a target only as far as it has room, and pass on to the next', async () => {
    const slow = await finished(5, 'https://slow.example:8443/hook');
    const { endpointId } = slow;
    const ids = await accept(store, endpointId, { webhook: 'https://quick.example/hook' });
    for (const job of await claim(store, endpointId, 1)) await finish(store, endpointId, job);
    const room = { busy: new Map([['slow.example:8443', 2]]), idle: 3 };
    const started = await startDeliveries(store, endpointId, 10, room);
    const count = (target: string) => started.filter((one) => one.target === target).length;
    assert.equal(count('slow.example:8443'), 2);
    assert.equal(count('quick.example'), 1);
    assert(started.some(({ jobId }) => jobId === ids[0]));
    const full = { busy: new Map([['slow.example:8443', 0]]), idle: 3 };
    assert.deepEqual(await startDeliveries(store, endpointId, 10, full), []);
  });

  test('are listed newest first, of an endpoint or of a job', async () => {
    const { endpointId, jobId } = await finished(3);
    assert.equal((await listDeliveries(store, endpointId, null, 2)).length, 2);
    const own = await listDeliveries(store, endpointId, jobId, 10);
    assert.deepEqual(
      own.map((row) => row.job_id as JobId),
      [jobId],
    );
    assert.deepEqual(await listDeliveries(store, await makeEndpoint(store), null, 10), []);
  });

  test('leave no rule broken', async () => {
    assert.deepEqual(await checkInvariants(database.url), []);
  });
});

describe('webhook secrets', () => {
  test('the last two sign, the newest first', async () => {
    const endpointId = await makeEndpoint(store);
    assert.deepEqual(await readWebhookSecrets(store, endpointId), []);
    for (const text of ['one', 'two', 'three']) {
      assert.equal(await addWebhookSecret(store, endpointId, Buffer.from(text)), true);
    }
    const secrets = await readWebhookSecrets(store, endpointId);
    assert.deepEqual(secrets.map(String), ['three', 'two']);
    const nowhere = 'nowhere' as EndpointId;
    assert.equal(await addWebhookSecret(store, nowhere, Buffer.from('x')), false);
    assert.deepEqual(await readWebhookSecrets(store, nowhere), []);
  });

  test('an endpoint without one is given one, the same by rivals, and keeps it', async () => {
    const endpointId = await makeEndpoint(store);
    const rivals = [store, database.another(), database.another()];
    const given = await Promise.all(
      rivals.map((rival, n) => giveWebhookSecret(rival, endpointId, Buffer.from(`secret ${n}`))),
    );
    const [first] = given;
    assert(first?.length === 1);
    assert.deepEqual(given, [first, first, first]);
    assert.deepEqual(await readWebhookSecrets(store, endpointId), first);
    assert.equal(await addWebhookSecret(store, endpointId, Buffer.from('next')), true);
    const both = await giveWebhookSecret(store, endpointId, Buffer.from('late'));
    assert.deepEqual(both.map(String), ['next', String(first[0])]);
    assert.deepEqual(await giveWebhookSecret(store, 'nowhere' as EndpointId, Buffer.from('x')), []);
  });
});
