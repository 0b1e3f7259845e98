import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openBroker } from '@switchyard/broker';
import { type InstanceId, topics } from '@switchyard/contracts';
import { createLog } from '@switchyard/runtime';
import { openStore, StoreUnavailable } from '@switchyard/store';
import { createScheduler } from './main.ts';

test('a scheduler is not heard while its database is away, and is again after', async () => {
  const log = createLog({ level: 'silent', service: 'scheduler', instance: 's' });
  const opened = openStore({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' });
  let isAway = false;
  const answer = async <Row>(): Promise<Row[]> => {
    if (isAway) throw new StoreUnavailable(new Error('cut off'));
    return [];
  };
  const store = { ...opened, run: answer, query: answer as typeof opened.query };
  const broker = await openBroker(undefined, { name: 'test', log });
  const stop = new AbortController();
  let beats = 0;
  await broker.listen(
    topics.schedulerBeat,
    () => {
      beats += 1;
    },
    stop.signal,
  );
  await using closing = new AsyncDisposableStack();
  closing.defer(() => opened.close());
  closing.defer(() => broker.close());
  closing.defer(() => stop.abort());
  const scheduler = createScheduler({ store, broker, log, instance: 's' as InstanceId });
  await scheduler.start();
  closing.defer(() => scheduler.stop());
  await pause(1_500);
  assert.ok(beats >= 2, `${beats} beats`);
  isAway = true;
  await pause(200);
  beats = 0;
  await pause(2_500);
  assert.equal(beats, 0);
  isAway = false;
  await pause(1_500);
  assert.ok(beats >= 1, `${beats} beats`);
});
