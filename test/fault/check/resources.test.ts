import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Census } from '../history.ts';
import { SOUND } from '../sound-run.ts';
import type { Given } from './breach.ts';
import { checkResources } from './resources.ts';

const BEFORE: Census = {
  atMs: 1_000,
  processes: [{ name: 'intake', rssMib: 160, files: 30, sockets: 8 }],
  sessions: { 'switchyard intake': 3 },
  workers: [{ endpoint: 'local', wanted: 1, living: 1 }],
  ...{ zombies: [], leakedLocks: 0 },
};

const runOf = (after: Partial<Census>, more: Partial<Given['history']> = {}): Given => ({
  ...SOUND,
  history: { ...SOUND.history, censuses: [BEFORE, { ...BEFORE, ...after }], ...more },
});

const footprint = (more: object) => ({
  processes: BEFORE.processes.map((one) => ({ ...one, ...more })),
});

test('what holds about as much as before breaks no rule', () => {
  const sessions = { 'switchyard intake': 7 };
  const given = runOf({ ...footprint({ rssMib: 430, files: 42, sockets: 18 }), sessions });
  assert.deepEqual(checkResources(given), []);
  assert.deepEqual(checkResources(SOUND), []);
});

const idle = { atMs: 1_000, application: 'switchyard intake', idleMs: 13_000 };

const GROWN: readonly (readonly [rule: string, given: Given])[] = [
  ['a process holds what it held before', runOf(footprint({ rssMib: 440 }))],
  ['a process holds what it held before', runOf(footprint({ files: 50 }))],
  ['a process holds what it held before', runOf(footprint({ sockets: 20 }))],
  ['each process is there again', runOf({ processes: [] })],
  [
    'sessions at the database are as many as before',
    runOf({ sessions: { 'switchyard intake': 8 } }),
  ],
  ['no lock outlives its transaction', runOf({ leakedLocks: 1 })],
  ['whoever ended was waited for', runOf({ zombies: ['7 of supervisor'] })],
  [
    'as many worker processes live as the minimum asks for',
    runOf({ workers: [{ endpoint: 'local', wanted: 1, living: 2 }] }),
  ],
  ['no session does nothing in a transaction for ten seconds', runOf({}, { idleSessions: [idle] })],
];

for (const [rule, given] of GROWN) {
  test(`it is told when it is not so that ${rule}`, () => {
    assert.deepEqual(
      checkResources(given).map((breach) => breach.rule),
      [rule],
    );
  });
}
