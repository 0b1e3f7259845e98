import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Refusal } from '@switchyard/contracts';
import fc from 'fast-check';
import { type BatcherOptions, createBatcher } from './batch.ts';

class BadRow extends Error {}
const isPermanent = (error: unknown): boolean => error instanceof BadRow;

/** A batcher whose flights land when the test says so. */
const byHand = (options: Partial<BatcherOptions<number, string>> = {}) => {
  const flights: { items: readonly number[]; land: () => void; crash: (e: Error) => void }[] = [];
  const batcher = createBatcher<number, string>({
    maxItems: 100,
    queueMax: 1_000,
    isPermanent,
    run: (items) =>
      new Promise((resolve, reject) => {
        flights.push({ items, land: () => resolve(items.map((n) => `r${n}`)), crash: reject });
      }),
    ...options,
  });
  return { batcher, flights };
};

test('what comes in one turn flies together, the rest collects meanwhile', async () => {
  const { batcher, flights } = byHand();
  const first = [1, 2, 3].map(batcher.add);
  assert.equal(flights.length, 0);
  await nextTurn();
  const second = [4, 5].map(batcher.add);
  await nextTurn();
  assert.deepEqual(
    flights.map(({ items }) => items),
    [[1, 2, 3]],
  );
  assert.partialDeepStrictEqual(batcher.stats(), { waiting: 2, flying: 3, flights: 1 });
  flights[0]?.land();
  assert.deepEqual(await Promise.all(first), ['r1', 'r2', 'r3']);
  await nextTurn();
  assert.deepEqual(flights[1]?.items, [4, 5]);
  flights[1]?.land();
  assert.deepEqual(await Promise.all(second), ['r4', 'r5']);
  await batcher.idle();
  assert.partialDeepStrictEqual(batcher.stats(), { waiting: 0, flying: 0, runs: 2, landed: 5 });
});

test('as many batches fly at once as there are lanes', async () => {
  const { batcher, flights } = byHand({ lanes: 2, maxItems: 2 });
  const all = Promise.all([1, 2, 3, 4, 5].map(batcher.add));
  await nextTurn();
  assert.deepEqual(
    flights.map(({ items }) => items),
    [
      [1, 2],
      [3, 4],
    ],
  );
  flights[1]?.land();
  await nextTurn();
  assert.deepEqual(flights[2]?.items, [5]);
  flights[0]?.land();
  flights[2]?.land();
  assert.deepEqual(await all, ['r1', 'r2', 'r3', 'r4', 'r5']);
});

test('bytes bound a batch, and an item that is larger flies alone', async () => {
  const { batcher, flights } = byHand({ maxBytes: 10, sizeOf: (n) => n, lanes: 9 });
  const all = Promise.all([4, 6, 1, 50, 2].map(batcher.add));
  await nextTurn();
  assert.deepEqual(
    flights.map(({ items }) => items),
    [[4, 6], [1], [50], [2]],
  );
  for (const { land } of flights) land();
  await all;
});

test('the second item of a key waits for the first, then goes before younger ones', async () => {
  const { batcher, flights } = byHand({ keyOf: (n) => `${n % 10}`, lanes: 2, maxItems: 2 });
  const all = Promise.all([1, 11, 2, 21, 3, 4, 5].map(batcher.add));
  await nextTurn();
  assert.deepEqual(
    flights.map(({ items }) => items),
    [
      [1, 2],
      [3, 4],
    ],
  );
  flights[0]?.land();
  await nextTurn();
  assert.deepEqual(flights[2]?.items, [11, 5]);
  flights[2]?.land();
  await nextTurn();
  assert.deepEqual(flights[3]?.items, [21]);
  for (const { land } of flights) land();
  assert.equal((await all).length, 7);
});

test('a transient failure is heard by the whole batch, and the next one flies', async () => {
  const { batcher, flights } = byHand();
  const first = Promise.allSettled([1, 2].map(batcher.add));
  await nextTurn();
  const second = batcher.add(3);
  const away = new Error('away');
  flights[0]?.crash(away);
  assert.deepEqual(await first, [
    { status: 'rejected', reason: away },
    { status: 'rejected', reason: away },
  ]);
  await nextTurn();
  flights[1]?.land();
  assert.equal(await second, 'r3');
  assert.equal(flights.length, 2);
});

test('beyond its bounds it refuses, and takes again once there is room', async () => {
  const { batcher, flights } = byHand({ queueMax: 3, queueMaxBytes: 100, sizeOf: (n) => n });
  const taken = [batcher.add(500)];
  const overloaded = (error: unknown) =>
    error instanceof Refusal &&
    error.problem.code === 'service.overloaded' &&
    error.problem.retryAfterSeconds === 1;
  await assert.rejects(batcher.add(1), overloaded);
  await nextTurn();
  taken.push(batcher.add(1), batcher.add(2), batcher.add(3));
  await assert.rejects(batcher.add(4), overloaded);
  flights[0]?.land();
  await nextTurn();
  taken.push(batcher.add(5));
  flights[1]?.land();
  await nextTurn();
  flights[2]?.land();
  assert.deepEqual(await Promise.all(taken), ['r500', 'r1', 'r2', 'r3', 'r5']);
  assert.equal(batcher.stats().refused, 2);
});

test('a run that throws at once, or gives too few results, is heard and not repeated', async () => {
  let runs = 0;
  const broken = createBatcher<number, string>({
    maxItems: 10,
    queueMax: 10,
    isPermanent: () => true,
    run: () => {
      runs += 1;
      return Promise.resolve(['only one']);
    },
  });
  const heard = await Promise.allSettled([1, 2].map(broken.add));
  assert.ok(heard.every(({ status }) => status === 'rejected'));
  assert.equal(runs, 1);
  const throwing = createBatcher<number, string>({
    maxItems: 10,
    queueMax: 10,
    isPermanent: () => false,
    run: () => {
      throw new Error('at once');
    },
  });
  await assert.rejects(throwing.add(1), /at once/);
});

const PLAN = fc.record({
  items: fc.array(
    fc.record({
      size: fc.nat(20),
      key: fc.option(fc.nat(4), { freq: 1 }),
      bad: fc.boolean(),
      turn: fc.nat(3),
    }),
    { maxLength: 60 },
  ),
  lanes: fc.integer({ min: 1, max: 3 }),
  maxItems: fc.integer({ min: 1, max: 7 }),
  maxBytes: fc.integer({ min: 1, max: 40 }),
});

type Planned = typeof PLAN extends fc.Arbitrary<infer Plan> ? Plan : never;
type Item = Planned['items'][number] & { id: number };

/** What a batch must be when it takes off, and the order in which items did. */
const createWatch = ({ lanes, maxItems, maxBytes }: Planned) => {
  const started: number[] = [];
  const keysInFlight = new Set<number>();
  let flights = 0;
  const keysOf = (batch: readonly Item[]) =>
    batch.flatMap(({ key }) => (key === null ? [] : [key]));
  return {
    started,
    takeOff: (batch: readonly Item[]) => {
      flights += 1;
      assert.ok(flights <= lanes);
      assert.ok(batch.length <= maxItems);
      const bytes = batch.reduce((total, { size }) => total + size, 0);
      assert.ok(batch.length === 1 || bytes <= maxBytes);
      for (const key of keysOf(batch)) {
        assert.ok(!keysInFlight.has(key), 'two items of one key fly');
        keysInFlight.add(key);
      }
      const free = batch.filter(({ key }) => key === null).map(({ turn, id }) => turn * 1_000 + id);
      assert.deepEqual(
        free,
        free.toSorted((one, other) => one - other),
      );
      // What flies again in a half has started before.
      started.push(...batch.map(({ id }) => id).filter((id) => !started.includes(id)));
    },
    land: (batch: readonly Item[]) => {
      for (const key of keysOf(batch)) keysInFlight.delete(key);
      flights -= 1;
    },
  };
};

test('each item gets its own result, a bad one alone fails, order and bounds hold', async () => {
  await fc.assert(
    fc.asyncProperty(PLAN, fc.scheduler(), async (plan, scheduler) => {
      const watch = createWatch(plan);
      const batcher = createBatcher<Item, string>({
        ...plan,
        queueMax: 1_000,
        isPermanent,
        sizeOf: ({ size }) => size,
        keyOf: ({ key }) => key?.toString(),
        run: async (batch) => {
          watch.takeOff(batch);
          await scheduler.schedule(Promise.resolve());
          watch.land(batch);
          if (batch.some(({ bad }) => bad)) throw new BadRow();
          return batch.map(({ id }) => `r${id}`);
        },
      });
      const items = plan.items.map((item, id) => ({ ...item, id }));
      const turns = [0, 1, 2, 3].map((turn) => items.filter((item) => item.turn === turn));
      const results: Promise<PromiseSettledResult<string>[]>[] = [];
      for (const turn of turns) {
        results.push(Promise.allSettled(turn.map(batcher.add)));
        await nextTurn();
      }
      const all = await scheduler.waitFor(Promise.all(results));
      await batcher.idle();
      for (const [at, { id, bad }] of turns.flat().entries()) {
        const result = all.flat()[at];
        if (bad) assert.ok(result?.status === 'rejected' && result.reason instanceof BadRow);
        else assert.deepEqual(result, { status: 'fulfilled', value: `r${id}` });
      }
      assertOrder(turns.flat(), watch.started);
      const left = { waiting: 0, waitingBytes: 0, flying: 0, flights: 0, landed: items.length };
      assert.partialDeepStrictEqual(batcher.stats(), left);
    }),
    { numRuns: 300 },
  );
});

/** Items without a key start in the order of their add, and so do those of one key. */
const assertOrder = (
  added: readonly { id: number; key: number | null }[],
  started: readonly number[],
): void => {
  for (const key of new Set(added.map((item) => item.key))) {
    const ids = added.filter((item) => item.key === key).map(({ id }) => id);
    assert.deepEqual(
      started.filter((id) => ids.includes(id)),
      ids,
    );
  }
};
