import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventOf, JOB, SOUND, SUBMIT } from '../sound-run.ts';
import type { Given } from './breach.ts';
import type { JobRow } from './tables.ts';
import { checkTurns, measureLines } from './turns.ts';

/** A job that was accepted and started at these seconds. */
const jobOf = (id: string, acceptedS: number, startedS: number, more = {}): JobRow => ({
  ...{ ...JOB, id, hasWebhook: false, ...more },
  events: [eventOf(1, 'accepted', acceptedS * 1_000), eventOf(2, 'started', startedS * 1_000)],
});

const runOf = (...jobs: readonly JobRow[]): Given => ({
  ...SOUND,
  history: { ...SOUND.history, operations: jobs.map(({ id }) => ({ ...SUBMIT, jobId: id })) },
  jobs: new Map(jobs.map((job) => [job.id, job])),
});

const later = (count: number, acceptedS: number, startedS: number): JobRow[] =>
  Array.from({ length: count }, (_, n) => jobOf(`later-${n}`, acceptedS + n, startedS + n));

test('jobs that start in the order of their deadlines break no rule', () => {
  const given = runOf(jobOf('first', 0, 20), ...later(5, 1, 21));
  assert.deepEqual(checkTurns(given), []);
  assert.deepEqual(
    measureLines(given).map(({ passedBy }) => passedBy),
    [0],
  );
});

test('as many may go before as rivals have in hand, and it is told how many did', () => {
  const given = runOf(jobOf('first', 0, 20), ...later(2, 1, 10));
  assert.deepEqual(checkTurns(given), []);
  assert.deepEqual(measureLines(given), [
    { name: 'echo, high', job: 'first', passedBy: 2, allowed: 2 },
  ]);
});

test('more than rivals have in hand may not', () => {
  const [breach] = checkTurns(runOf(jobOf('first', 0, 20), ...later(3, 1, 10)));
  assert.equal(breach?.rule, 'the nearest deadline goes first, then who came first');
  assert.equal(breach.what, 'echo, high: 3 before first, of 2');
});

test('a job with a nearer deadline goes before those that came earlier', () => {
  const urgent = jobOf('urgent', 5, 30, { ttlMs: 1_000 });
  assert.equal(checkTurns(runOf(urgent, ...later(3, 1, 10))).length, 1);
  const patient = jobOf('patient', 0, 30, { ttlMs: 3_600_000 });
  assert.deepEqual(checkTurns(runOf(patient, ...later(3, 1, 10))), []);
});

test('who claims past its deadline does not go before a job that runs out of time', () => {
  const ttlMs = 10_000;
  const expired = jobOf('expired', 0, 0, { ttlMs });
  const events = [eventOf(1, 'accepted', 0), eventOf(2, 'timed_out', 10_500)];
  const claimedAtS = (startedS: number): Given =>
    runOf({ ...expired, events }, ...later(3, 1, startedS).map((job) => ({ ...job, ttlMs })));
  assert.deepEqual(checkTurns(claimedAtS(10.1)), []);
  assert.equal(checkTurns(claimedAtS(7)).length, 1);
});

test('what is accepted at the very moment of a claim may come after it', () => {
  assert.deepEqual(checkTurns(runOf(jobOf('first', 9, 13), ...later(3, 9.1, 9.5))), []);
});
