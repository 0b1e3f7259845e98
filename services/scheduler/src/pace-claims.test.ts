import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPace } from './pace-claims.ts';

const CLAIM_MS = 5;

/** What a pace does where `arrive` tells how many jobs came in so many ms. */
const play = (claims: number, arrive: (ms: number) => number): number[] => {
  const pace = createPace();
  const rests: number[] = [];
  let sinceMs = CLAIM_MS;
  for (let n = 0; n < claims; n += 1) {
    const restMs = pace.restMs(arrive(sinceMs), sinceMs);
    rests.push(restMs);
    sinceMs = restMs + CLAIM_MS;
  }
  return rests;
};

test('where jobs come by themselves, claims rest for longer and longer, to a bound', () => {
  const rests = play(20, (ms) => 2 * ms);
  assert.deepEqual(
    rests,
    rests.toSorted((one, other) => one - other),
  );
  assert.equal(rests.at(-1), 100);
});

test('where each job waits for another to end, claims hardly rest', () => {
  const rests = play(200, () => 64);
  const mean = rests.reduce((sum, restMs) => sum + restMs, 0) / rests.length;
  assert(mean < 16, `${mean} ms`);
});

test('jobs that come in lumps do not shorten the rest', () => {
  const rests = play(200, (ms) => Math.round(2 * ms * (0.5 + ((ms * 7.3 + Math.random()) % 1))));
  assert(rests.slice(100).filter((restMs) => restMs >= 50).length > 50, String(rests));
});

test('when fewer jobs come than did, claims go on resting', () => {
  const pace = createPace();
  let restMs = 0;
  for (let n = 0; n < 40; n += 1) restMs = pace.restMs(2 * (restMs + CLAIM_MS), restMs + CLAIM_MS);
  for (let n = 0; n < 60; n += 1) restMs = pace.restMs(restMs + CLAIM_MS, restMs + CLAIM_MS);
  assert.equal(restMs, 100);
});
