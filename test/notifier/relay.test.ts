import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Broker, BrokerError } from '@switchyard/broker';
import { findHorizonHolder, readCursorLag, type Store } from '@switchyard/store';
import pg from 'pg';
import { startNats } from '../support/nats.ts';
import { collectEvents, sequencesOf } from './collect-events.ts';
import { completeJobs, makeEndpoint, submitJobs } from './make-jobs.ts';
import { layGround } from './start-notifier.ts';

const JOBS = 300;
const NO_HOOKS = new Array<null>(JOBS).fill(null);

const assertWhole = (sequences: ReadonlyMap<string, number[]>): void => {
  assert.equal(sequences.size, JOBS);
  for (const [job, found] of sequences) assert.deepEqual(found, [1, 2, 3], job);
};

test('events of the log come out as CloudEvents, those of a job in order', async () => {
  await using ground = await layGround();
  await using collected = collectEvents(ground.broker);
  const notifier = await ground.startNotifier();
  const endpointId = await makeEndpoint(ground.store, 'echo');
  const [first] = await submitJobs(ground.store, endpointId, NO_HOOKS);
  await completeJobs(ground.store, endpointId, JOBS);
  ground.hintAppended();
  await collected.count(JOBS * 3);
  assertWhole(sequencesOf(collected.events));
  const [accepted, started, completed] = collected.events.filter(
    ({ subject }) => subject === first,
  );
  assert.deepEqual(accepted, {
    specversion: '1.0',
    id: `${first}-1`,
    source: '/endpoints/echo',
    type: 'switchyard.job.accepted',
    subject: first,
    time: accepted?.time,
    datacontenttype: 'application/json',
    sequence: '1',
    data: { endpoint: 'echo', job: first },
  });
  assert.equal(started?.type, 'switchyard.job.started');
  assert.deepEqual(completed?.data, {
    endpoint: 'echo',
    job: first,
    workerId: 'worker',
    claimNo: 1,
  });
  assert.equal(collected.messages[0]?.topic, 'switchyard.events.echo.accepted');
  await notifier.stop();
  assert.match(await notifier.metrics(), /switchyard_events_published_total\{[^}]*\} 900/);
  assert.equal(await readCursorLag(ground.store, 'relay'), 0);
});

/** A broker that tells what was appended to it. */
const spied = (broker: Broker, appended: string[]): Broker => ({
  ...broker,
  appendInOrder: (messages) => {
    appended.push(...messages.map(({ id }) => id));
    return broker.appendInOrder(messages);
  },
});

test('a relay that dies before it moved the cursor is repeated with the same ids', async () => {
  await using ground = await layGround();
  await using collected = collectEvents(ground.broker);
  const endpointId = await makeEndpoint(ground.store, 'echo');
  await submitJobs(ground.store, endpointId, NO_HOOKS);
  await completeJobs(ground.store, endpointId, JOBS);
  const died = Promise.withResolvers<void>();
  const dying: Store = {
    ...ground.store,
    run: (statement, values) => {
      if (statement.name !== 'move_cursor') return ground.store.run(statement, values);
      died.resolve();
      return Promise.reject(new Error('killed before the cursor was moved'));
    },
  };
  const firstIds: string[] = [];
  const first = await ground.startNotifier({
    store: dying,
    broker: spied(ground.broker, firstIds),
  });
  await died.promise;
  await first.stop();
  // Not all of them where an older transaction of another test still hides some.
  const begun = [...new Set(firstIds)];
  assert(begun.length >= JOBS, String(begun.length));
  // Ten seconds have gone by.
  await ground.store.run(
    { name: 'age', text: "update cursors set runner_until = runner_until - interval '11 s'" },
    [],
  );
  const secondIds: string[] = [];
  await ground.startNotifier({ broker: spied(ground.broker, secondIds) });
  while ((await readCursorLag(ground.store, 'relay')) > 0) await pause(20);
  assert.deepEqual(secondIds.slice(0, begun.length), begun);
  assert.equal(new Set(secondIds).size, JOBS * 3);
  await collected.count(JOBS * 3);
  assertWhole(sequencesOf(collected.events));
});

test('a burst of accepted jobs is published whole, with rests while more are stored', async () => {
  await using ground = await layGround();
  await using collected = collectEvents(ground.broker);
  const endpointId = await makeEndpoint(ground.store, 'echo');
  // In one transaction, so that they are seen all at once.
  await submitJobs(ground.store, endpointId, new Array<null>(3_500).fill(null));
  const pages: { readonly events: number; readonly atMs: number }[] = [];
  const storing = setInterval(ground.hintAppended, 20);
  const broker: Broker = {
    ...ground.broker,
    appendInOrder: (messages) => {
      pages.push({ events: messages.length, atMs: performance.now() });
      if (pages.length === 2) clearInterval(storing);
      return ground.broker.appendInOrder(messages);
    },
  };
  try {
    await ground.startNotifier({ broker });
    await collected.count(3_500);
  } finally {
    clearInterval(storing);
  }
  assert.deepEqual(
    pages.map(({ events }) => events),
    [1_000, 1_000, 1_000, 500],
  );
  const [first = 0, second = 0, third = 0] = pages.map(({ atMs }) => atMs);
  // Timers may be early by a part of a ms.
  assert.ok(second - first > 499, 'between the first and the second page');
  assert.ok(third - second < 400, `the third page came ${third - second} ms after the burst`);
});

test('one instance relays at a time; another takes over when it stops', async () => {
  await using ground = await layGround();
  await using collected = collectEvents(ground.broker);
  const [ours, theirs]: [string[], string[]] = [[], []];
  const first = await ground.startNotifier({ broker: spied(ground.broker, ours) });
  const endpointId = await makeEndpoint(ground.store, 'echo');
  await submitJobs(ground.store, endpointId, [null]);
  ground.hintAppended();
  await collected.count(1);
  await ground.startNotifier({ broker: spied(ground.broker, theirs) });
  await submitJobs(ground.store, endpointId, [null]);
  ground.hintAppended();
  await collected.count(2);
  assert.deepEqual([ours.length, theirs.length], [2, 0]);
  await first.stop();
  await submitJobs(ground.store, endpointId, [null]);
  const atMs = performance.now();
  await collected.count(3);
  assert(performance.now() - atMs < 5_000, 'the second waited for the first');
  assert.deepEqual([ours.length, theirs.length], [2, 1]);
});

test('a failure in the middle brings no event of a job before its earlier one', async () => {
  await using ground = await layGround();
  await using collected = collectEvents(ground.broker);
  let calls = 0;
  const failing: Broker = {
    ...ground.broker,
    appendInOrder: async (messages) => {
      calls += 1;
      if (calls % 3 === 0) throw new Error('the connection broke');
      // All that comes before the failure is stored.
      const { stored } = await ground.broker.appendInOrder(messages.slice(0, 37));
      const failure = new BrokerError('broker.unavailable', 'The connection broke.');
      return { stored, failure: stored < messages.length ? failure : undefined };
    },
  };
  const endpointId = await makeEndpoint(ground.store, 'echo');
  await submitJobs(ground.store, endpointId, NO_HOOKS.slice(0, 50));
  await completeJobs(ground.store, endpointId, 50);
  await ground.startNotifier({ broker: failing });
  await collected.count(150);
  for (const found of sequencesOf(collected.events).values()) assert.deepEqual(found, [1, 2, 3]);
});

test('events wait while NATS is away and come when it is back', async () => {
  await using nats = await startNats();
  await using ground = await layGround({ brokerUrl: nats.url });
  await using collected = collectEvents(ground.broker);
  const notifier = await ground.startNotifier();
  const endpointId = await makeEndpoint(ground.store, 'echo');
  await submitJobs(ground.store, endpointId, NO_HOOKS);
  ground.hintAppended();
  await collected.count(JOBS);
  await nats.kill();
  await completeJobs(ground.store, endpointId, JOBS);
  assert((await readCursorLag(ground.store, 'relay')) >= 0);
  await nats.start();
  await collected.count(JOBS * 3);
  assertWhole(sequencesOf(collected.events));
  await notifier.stop();
});

test('the session that hides events from the relay is found', async () => {
  await using ground = await layGround();
  const endpointId = await makeEndpoint(ground.store, 'echo');
  const client = new pg.Client({ connectionString: ground.url, application_name: 'holder' });
  await client.connect();
  await using _ = { [Symbol.asyncDispose]: () => client.end() };
  await client.query('begin; select pg_current_xact_id()');
  await submitJobs(ground.store, endpointId, [null]);
  await pause(5);
  assert((await readCursorLag(ground.store, 'relay')) > 0);
  const holder = async () => (await findHorizonHolder(ground.store))?.applicationName;
  // Tests of other databases have transactions on this server, older ones too until they end.
  while ((await holder()) !== 'holder') await pause(20);
  const notifier = await ground.startNotifier();
  const told = async (name: string): Promise<number> => {
    const found = new RegExp(`^${name}\\{[^}]*\\} ([\\d.]+)$`, 'm').exec(await notifier.metrics());
    return Number(found?.[1] ?? Number.NaN);
  };
  while (!((await told('switchyard_horizon_age_seconds')) > 0)) await pause(20);
  // How many there are depends on when the sessions last told Postgres's statistics.
  assert((await told('switchyard_dead_rows')) >= 0);
});

test('the log of a database that was restored in another cluster is published on', async () => {
  await using ground = await layGround();
  await using collected = collectEvents(ground.broker);
  const endpointId = await makeEndpoint(ground.store, 'echo');
  const before = await ground.startNotifier();
  await submitJobs(ground.store, endpointId, [null, null]);
  ground.hintAppended();
  await collected.count(2);
  while ((await readCursorLag(ground.store, 'relay')) > 0) await pause(20);
  await before.stop();
  // The transactions of the cluster that was dumped had higher numbers than those of this one.
  const client = new pg.Client({ connectionString: ground.url });
  await client.connect();
  for (const table of ['events', 'cursors']) {
    await client.query(`update ${table} set txid = (txid::text::bigint + 1000000)::text::xid8`);
  }
  await client.end();
  await submitJobs(ground.store, endpointId, [null]);
  await ground.startNotifier();
  await collected.count(3);
  await submitJobs(ground.store, endpointId, [null]);
  ground.hintAppended();
  await collected.count(4);
  assert.equal(new Set(collected.events.map(({ id }) => id)).size, 4);
  assert.equal(collected.events.length, 4, 'none came twice');
  assert.ok(ground.lines.some((line) => line.includes('numbered anew')));
});
