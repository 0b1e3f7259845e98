import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointId } from '@switchyard/contracts';
import { createHeads } from './remember-heads.ts';

const ENDPOINT = 'echo' as EndpointId;
/** Of the ranks that ADR 1 names: high returned, high, low returned, low. */
const high = (deadlineMs: number) => ({ rank: 1 as const, deadlineMs });

const openHeads = () => {
  const clock = { ms: 1_000 };
  const called = Promise.withResolvers<EndpointId>();
  const heads = createHeads(
    (endpointId) => called.resolve(endpointId),
    () => clock.ms,
  );
  const look = (
    tookMs: number,
    ...claimed: Parameters<ReturnType<typeof heads.look>['end']>[0]
  ) => {
    const begun = heads.look(ENDPOINT);
    clock.ms += tookMs;
    begun.end(claimed);
    return begun.from;
  };
  return { clock, called: called.promise, look };
};

test('quick looks are at the whole queue', () => {
  const { look } = openHeads();
  assert.equal(look(4, high(10)), undefined);
  assert.equal(look(4, high(20)), undefined);
});

test('after a slow look the next begins at the last deadline claimed, of each rank', () => {
  const { look } = openHeads();
  assert.equal(look(6, high(30), high(20), { rank: 3, deadlineMs: 5 }), undefined);
  assert.deepEqual(look(1, high(40)), { highMs: 30, lowMs: 5 });
  assert.deepEqual(look(1, { rank: 0, deadlineMs: 99 }), { highMs: 40, lowMs: 5 });
  assert.deepEqual(look(1), { highMs: 40, lowMs: 5 });
});

test('the whole queue is looked at each 250 ms, and always again once that is quick', () => {
  const { clock, look } = openHeads();
  look(6, high(30));
  clock.ms += 245;
  assert.equal(look(6), undefined, '251 ms after the last');
  assert.deepEqual(look(1), { highMs: undefined, lowMs: undefined });
  clock.ms += 250;
  assert.equal(look(1, high(50)), undefined);
  assert.equal(look(1), undefined);
});

test('a full look is asked for where none comes by itself', async () => {
  const { look, called } = openHeads();
  // The timer keeps no process alive, so this one has to.
  const alive = setTimeout(() => undefined, 5_000);
  look(6, high(30));
  assert.equal(await called, ENDPOINT);
  clearTimeout(alive);
});
