import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventOf, JOB, SOUND, SUBMIT } from '../sound-run.ts';
import type { Given } from './breach.ts';
import { checkRecovery, measureRecovery } from './recovery.ts';

const HEALED_MS = 100_000;
const FAULT = { kind: 'kill', target: 'scheduler', atMs: 90_000, endedAtMs: HEALED_MS };

/** Jobs that waited when all was healed, and how long after that each started. */
const runOf = (startsAfterMs: readonly number[], more: Partial<Given> = {}): Given => {
  const jobs = startsAfterMs.map((afterMs, n) => ({
    ...{ ...JOB, id: `waiting-${n}` },
    events: [eventOf(1, 'accepted', 95_000), eventOf(2, 'started', HEALED_MS + afterMs)],
  }));
  const operations = jobs.map(({ id }) => ({ ...SUBMIT, jobId: id }));
  return {
    ...{ ...SOUND, perSecond: 10, ...more },
    history: { ...SOUND.history, operations, faults: [FAULT] },
    jobs: new Map(jobs.map((job) => [job.id, job])),
  };
};

test('claims that flow at once, and a backlog that goes fast, break no rule', () => {
  const given = runOf([1_000, 2_000, 5_200]);
  assert.deepEqual(measureRecovery(given), { firstClaimMs: 1_000, backlog: 3, drainMs: 5_200 });
  assert.deepEqual(checkRecovery(given), []);
  assert.deepEqual(checkRecovery(SOUND), []);
});

test('the first claim comes within five seconds', () => {
  assert.deepEqual(checkRecovery(runOf([5_100])), [
    { rule: 'claims flow within 5 s of the last healing', what: '5100 ms' },
  ]);
});

test('a backlog takes no longer than the load took to bring it, and a fifth', () => {
  const [breach] = checkRecovery(runOf([1_000, 2_000, 5_400]));
  assert.equal(breach?.rule, 'a backlog goes at the rate of the load at least');
  assert.deepEqual(checkRecovery(runOf([1_000, 9_000], { perSecond: 0.1 })), []);
});

test('where the clock of the database was set, its times tell nothing', () => {
  assert.deepEqual(checkRecovery(runOf([60_000], { isClockSet: true })), []);
});
