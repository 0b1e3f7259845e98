import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InstanceId } from '@switchyard/contracts';
import { createDemandSender } from './send-demand.ts';
import { createWorkerBook } from './track-workers.ts';

test('what a scheduler assigned is forgotten once it is gone and another one came', (t) => {
  let aheadMs = 0;
  const now = performance.now.bind(performance);
  t.mock.method(performance, 'now', () => now() + aheadMs);
  const seen: number[] = [];
  const broker = {
    stats: () => ({ connected: true, hintsDropped: 0, reconnects: 0 }),
    hint: (_: string, body: Uint8Array) => seen.push(JSON.parse(String(body)).seen),
  };
  const workers = createWorkerBook(
    () => undefined,
    () => undefined,
  );
  const sender = createDemandSender(broker, 'me' as InstanceId, () => workers);
  const [first, second] = ['a' as InstanceId, 'b' as InstanceId];
  sender.hearBeat(first);
  sender.hearAssign(first, 7);
  sender.send();
  aheadMs += 5_000;
  sender.send();
  sender.hearBeat(second);
  sender.hearBeat(first);
  aheadMs += 2_000;
  sender.hearBeat(first);
  aheadMs += 2_000;
  sender.send();
  assert.deepEqual(seen.at(1), 7);
  assert.deepEqual(seen.at(-1), 0);
});
