import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { EndpointId } from '@switchyard/contracts';
import type { ClaimFrom } from '@switchyard/store';
import { createHeads } from './remember-heads.ts';

const ENDPOINT = 'echo' as EndpointId;
const LOOK_BACK_MS = 300;
const NOTHING: ClaimFrom = { highMs: undefined, lowMs: undefined };
/** Of the ranks that ADR 1 names: high returned, high, low returned, low. */
const high = (deadlineMs: number) => ({ rank: 1 as const, deadlineMs });

/** Heads whose looks back take `backMs` and find `earlier`, on a clock of their own. */
const openHeads = (backMs = 6, earlier: ClaimFrom | Error = NOTHING) => {
  const clock = { ms: 1_000 };
  const due: EndpointId[] = [];
  const lookedBackFrom: ClaimFrom[] = [];
  const heads = createHeads({
    findEarlier: (_, from) => {
      lookedBackFrom.push(from);
      clock.ms += backMs;
      return earlier instanceof Error ? Promise.reject(earlier) : Promise.resolve(earlier);
    },
    due: (endpointId) => due.push(endpointId),
    nowMs: () => clock.ms,
  });
  const begin = () => heads.look(ENDPOINT);
  const look = (tookMs: number, ...claimed: Parameters<ReturnType<typeof begin>['end']>[0]) => {
    const begun = begin();
    clock.ms += tookMs;
    begun.end(claimed);
    return begun.from;
  };
  return { due, lookedBackFrom, begin, look };
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

test('what looks passed over is looked for beside them, once while they go on', async () => {
  const { look, due, lookedBackFrom } = openHeads();
  look(6, high(30));
  look(1, high(40));
  await pause(LOOK_BACK_MS);
  assert.deepEqual(lookedBackFrom, [{ highMs: 40, lowMs: undefined }]);
  assert.deepEqual(due, [], 'nothing was found');
  assert.deepEqual(look(1), { highMs: 40, lowMs: undefined });
  await pause(LOOK_BACK_MS);
  assert.equal(lookedBackFrom.length, 2);
  await pause(LOOK_BACK_MS);
  assert.equal(lookedBackFrom.length, 2, 'nobody has claimed since');
});

test('the next look begins at what was passed over, also behind one under way', async () => {
  const { begin, look, due } = openHeads(6, { highMs: 10, lowMs: undefined });
  look(6, high(30), { rank: 3, deadlineMs: 5 });
  const underWay = begin();
  await pause(LOOK_BACK_MS);
  assert.deepEqual(due, [ENDPOINT]);
  underWay.end([high(40)]);
  assert.deepEqual(look(1, high(10)), { highMs: 10, lowMs: 5 });
  assert.deepEqual(look(1), { highMs: 10, lowMs: 5 });
});

test('once the look back is quick, looks are at the whole queue', async () => {
  const { look, due } = openHeads(1, { highMs: 10, lowMs: undefined });
  look(6, high(30));
  await pause(LOOK_BACK_MS);
  assert.deepEqual(due, [ENDPOINT]);
  assert.equal(look(1, high(10)), undefined);
  assert.equal(look(1), undefined);
});

test('where the look back fails, looks are at the whole queue', async () => {
  const { look } = openHeads(6, new Error('the database is away'));
  look(6, high(30));
  await pause(LOOK_BACK_MS);
  assert.equal(look(1), undefined);
});
