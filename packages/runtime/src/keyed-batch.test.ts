import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Refusal } from '@switchyard/contracts';
import { createKeyedBatcher } from './keyed-batch.ts';

const create = (totalMax?: number) => {
  const batches: string[] = [];
  const idle: string[] = [];
  const batcher = createKeyedBatcher<string, number, string>({
    maxItems: 10,
    queueMax: 10,
    ...(totalMax === undefined ? {} : { totalMax }),
    isPermanent: () => false,
    onIdle: (key) => idle.push(key),
    run: async (key, items) => {
      batches.push(`${key}:${items.join()}`);
      await nextTurn();
      return items.map((item) => `${key}${item}`);
    },
  });
  return { batcher, batches, idle };
};

test('each key has batches of its own, and nothing is kept of a key that is done', async () => {
  const { batcher, batches, idle } = create();
  const results = Promise.all([
    batcher.add('a', 1),
    batcher.add('b', 2),
    batcher.add('a', 3),
    batcher.add('b', 4),
  ]);
  assert.partialDeepStrictEqual(batcher.stats(), { keys: 2, waiting: 4 });
  assert.deepEqual(await results, ['a1', 'b2', 'a3', 'b4']);
  await batcher.idle();
  assert.deepEqual(idle, ['a', 'b']);
  assert.deepEqual(batches, ['a:1,3', 'b:2,4']);
  assert.partialDeepStrictEqual(batcher.stats(), { keys: 0, waiting: 0, runs: 2, landed: 4 });
  assert.equal(await batcher.add('a', 5), 'a5');
  await batcher.idle();
  assert.equal(batcher.stats().landed, 5);
});

test('all keys together are bounded, and a refused first item leaves nothing behind', async () => {
  const { batcher } = create(3);
  const taken = ['a', 'b', 'c'].map((key) => batcher.add(key, 1));
  await assert.rejects(batcher.add('d', 1), Refusal);
  assert.partialDeepStrictEqual(batcher.stats(), { keys: 3, refused: 1 });
  await Promise.all(taken);
  await batcher.idle();
  assert.equal(await batcher.add('d', 1), 'd1');
  await batcher.idle();
  assert.equal(batcher.stats().keys, 0);
});
