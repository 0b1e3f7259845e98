import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startPostgres } from '../support/postgres.ts';
import { makeDoneJobs, makeEndpoint } from './make-jobs.ts';
import { areClosed, awaitTries } from './read-tries.ts';
import { startReceiver } from './receiver.ts';
import { layGround } from './start-notifier.ts';

test('a stop waits for the sends under way and begins no more', async () => {
  const arrived = Promise.withResolvers<() => void>();
  await using receiver = await startReceiver((response) => arrived.resolve(() => response.end()));
  await using ground = await layGround();
  const notifier = await ground.startNotifier();
  const endpointId = await makeEndpoint(ground.store, 'stop');
  await makeDoneJobs(ground.store, endpointId, [receiver.url]);
  ground.hintDue();
  const reply = await arrived.promise;
  const stopped = notifier.stop();
  const [second] = await makeDoneJobs(ground.store, endpointId, [receiver.url]);
  ground.hintDue();
  reply();
  await stopped;
  const rows = await awaitTries(ground.store, endpointId, (found) => found.length === 2);
  assert.equal(receiver.received.length, 1);
  for (const row of rows) {
    assert.equal(row.try_outcome, row.job_id === second ? null : 'delivered');
  }
});

test('a send that outlasts the drain is left as begun, so that it ends as unknown', async () => {
  await using receiver = await startReceiver(() => undefined);
  await using ground = await layGround();
  const notifier = await ground.startNotifier({ drainMs: 50 });
  const endpointId = await makeEndpoint(ground.store, 'drain');
  await makeDoneJobs(ground.store, endpointId, [receiver.url]);
  ground.hintDue();
  await receiver.count(1);
  await notifier.stop();
  const [row] = await awaitTries(ground.store, endpointId, (found) => found.length === 1);
  assert.equal(row?.try_outcome, 'started');
});

test('an outcome is kept while the database is away, and written when it is back', async () => {
  const arrived = Promise.withResolvers<() => void>();
  await using receiver = await startReceiver((response) => arrived.resolve(() => response.end()));
  await using postgres = await startPostgres({ fsync: false });
  await using ground = await layGround({ databaseUrl: await postgres.createDatabase() });
  await ground.startNotifier();
  const endpointId = await makeEndpoint(ground.store, 'away');
  await makeDoneJobs(ground.store, endpointId, [receiver.url]);
  ground.hintDue();
  const reply = await arrived.promise;
  await postgres.kill();
  reply();
  while (!ground.lines.some((line) => line.includes('wait for the database'))) await pause(10);
  await postgres.start();
  const [row] = await awaitTries(ground.store, endpointId, areClosed);
  assert.equal(row?.try_outcome, 'delivered');
  assert.equal(receiver.received.length, 1);
});
