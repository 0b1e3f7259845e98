import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RUN, SOUND } from '../sound-run.ts';
import { checkTimes } from './times.ts';

test('a job may begin long after its end where its worker stood still with it in hand', () => {
  const runs = [{ ...RUN, atMs: 20_000 }];
  const rulesBy = (target: string): string[] => {
    const faults = [{ kind: 'stop', target, atMs: 1_200, endedAtMs: 19_900 }];
    const given = { ...SOUND, history: { ...SOUND.history, runs, faults } };
    return checkTimes(given).map(({ rule }) => rule);
  };
  assert.deepEqual(rulesBy('worker-one'), []);
  assert.deepEqual(rulesBy('notifier'), ['a job that has ended is not run']);
});
