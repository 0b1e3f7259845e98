import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  FRESH,
  isCrashLooping,
  type Pace,
  paceAfterExit,
  paceAfterLife,
  QUICK_MS,
  startsAllowed,
} from './pace-restarts.ts';

/** A worker that lives `livedMs` and is started again as soon as it may be, `times` times. */
const failing = (times: number, livedMs = 100): { pace: Pace; pausesMs: number[] } => {
  let pace = FRESH;
  let nowMs = 0;
  const pausesMs: number[] = [];
  for (let n = 0; n < times; n += 1) {
    const plannedMs = nowMs;
    nowMs += livedMs;
    pace = paceAfterExit(pace, { plannedMs, ranMs: livedMs }, nowMs);
    pausesMs.push(pace.nextStartMs - nowMs);
    nowMs = pace.nextStartMs;
  }
  return { pace, pausesMs };
};

describe('the pace of restarts', () => {
  it('slows down with each quick failure in a row, to a try each minute', () => {
    assert.deepEqual(failing(7).pausesMs, [0, 1_000, 2_000, 4_000, 60_000, 60_000, 60_000]);
    assert.equal(isCrashLooping(failing(4).pace), false);
    assert.equal(isCrashLooping(failing(5).pace), true);
  });

  it('starts a worker again at once that ended after a sound life', () => {
    const { pace } = failing(3);
    const life = { plannedMs: pace.nextStartMs, ranMs: QUICK_MS };
    assert.deepEqual(paceAfterExit(pace, life, life.plannedMs + QUICK_MS), FRESH);
    assert.deepEqual(paceAfterLife(pace, life), FRESH);
  });

  it('counts workers that were started together and fail together once', () => {
    const first = paceAfterExit(FRESH, { plannedMs: 0, ranMs: 1 }, 100);
    const second = paceAfterExit(first, { plannedMs: 0, ranMs: 1 }, 150);
    assert.equal(second.failures, 1);
  });

  it('does not take an old worker that goes on for a sign that new ones start', () => {
    const { pace } = failing(5);
    assert.equal(paceAfterLife(pace, { plannedMs: 0, ranMs: 100_000 }), pace);
  });

  it('tries a crash loop with one worker, and no second while that one may fail', () => {
    const { pace } = failing(5);
    const nowMs = pace.nextStartMs;
    assert.equal(startsAllowed(pace, 3, { nowMs: nowMs - 1, plannedMs: [] }), 0);
    assert.equal(startsAllowed(pace, 3, { nowMs, plannedMs: [] }), 1);
    assert.equal(startsAllowed(pace, 2, { nowMs, plannedMs: [nowMs] }), 0);
    assert.equal(startsAllowed(FRESH, 3, { nowMs, plannedMs: [] }), 3);
    assert.equal(startsAllowed(FRESH, -1, { nowMs, plannedMs: [] }), 0);
  });
});
