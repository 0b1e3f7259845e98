import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openStore } from '@switchyard/store';
import { createOverdueLook } from './look-for-overdue.ts';

const QUIET_MS = 100;

test('the leases are not read again while none can be overdue', async () => {
  const opened = openStore({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' });
  await using closing = new AsyncDisposableStack();
  closing.defer(() => opened.close());
  const answers = [QUIET_MS, -1, -1, 0].map((leftMs) => [{ endpoint_id: 'one', left_ms: leftMs }]);
  let looks = 0;
  const run = async <Row>(): Promise<Row[]> => answers[looks++] as Row[];
  const look = createOverdueLook();
  const find = () => look({ ...opened, run });
  assert.deepEqual(await find(), []);
  assert.deepEqual([await find(), looks], [[], 1]);
  await pause(QUIET_MS);
  assert.deepEqual(await find(), ['one']);
  assert.deepEqual(await find(), ['one'], 'until they are ended, it looks each time');
  assert.deepEqual([await find(), looks], [['one'], 4]);
});
