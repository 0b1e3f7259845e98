import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type BatcherOptions, createBatcher } from '../batch.ts';

/** A batcher whose flights land when the test says so. */
const byHand = (options: Partial<BatcherOptions<number, string>>) => {
  const flights: { items: readonly number[]; land: () => void }[] = [];
  const batcher = createBatcher<number, string>({
    maxItems: 100,
    queueMax: 1_000,
    isPermanent: () => false,
    run: (items) =>
      new Promise((resolve) => {
        flights.push({ items, land: () => resolve(items.map((n) => `r${n}`)) });
      }),
    ...options,
  });
  return { batcher, flights };
};

test('what waits too long gives up, what flies lands', async () => {
  const late = new Error('too late');
  const gone: number[] = [];
  const { batcher, flights } = byHand({
    keyOf: (n) => (n >= 10 ? 'tens' : n >= 5 ? 'fives' : undefined),
    patience: { waitMaxMs: 50, gaveUp: () => late },
    onIdle: () => gone.push(batcher.stats().landed),
  });
  const first = batcher.add(10);
  await nextTurn();
  const waits = [1, 11, 5, 6].map((n) => batcher.add(n));
  for (const wait of waits) await assert.rejects(wait, late);
  assert.partialDeepStrictEqual(batcher.stats(), { waiting: 0, flying: 1 });
  const fresh = [12, 7].map((n) => batcher.add(n));
  flights[0]?.land();
  assert.equal(await first, 'r10');
  await nextTurn();
  // Nobody who gave up keeps its key from the others.
  assert.deepEqual(flights[1]?.items, [12, 7]);
  flights[1]?.land();
  assert.deepEqual(await Promise.all(fresh), ['r12', 'r7']);
  await batcher.idle();
  assert.deepEqual(gone, [3]);
});

test('what gives up before it could take off leaves nothing behind', async () => {
  let idles = 0;
  const { batcher, flights } = byHand({
    patience: { waitMaxMs: 10, gaveUp: () => new Error('too late') },
    onIdle: () => {
      idles += 1;
    },
  });
  // From a turn of its own, behind which timers come before the next one.
  await nextTurn();
  const wait = batcher.add(1);
  const untilMs = performance.now() + 30;
  while (performance.now() < untilMs);
  await assert.rejects(wait, /too late/);
  await batcher.idle();
  await nextTurn();
  assert.deepEqual([flights.length, idles], [0, 1]);
});
