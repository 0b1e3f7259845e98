import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PRIORITIES } from '@switchyard/contracts';
import fc from 'fast-check';
import { WAITING_CAUSES, type WaitingFacts, waitingCause, waitingReason } from './waiting.ts';

const START = new Date('2030-01-01T00:00:00Z');
const CRASH = 'The worker ended with code 1: no GPU';

/** A job that waits for nothing, with all that it could wait for put beside it one by one. */
const READY: WaitingFacts = {
  priority: 'high',
  startAt: null,
  paused: false,
  running: 0,
  maxConcurrent: null,
  isHighWaiting: false,
  workers: { ready: 1, idle: 1, initializing: 0, unhealthy: 0 },
  crashError: undefined,
};
const NONE = { ready: 0, idle: 0, initializing: 0, unhealthy: 0 };

const SHOWN: Readonly<Record<(typeof WAITING_CAUSES)[number], Partial<WaitingFacts>>> = {
  before_start: { startAt: START },
  paused: { paused: true },
  limit_reached: { running: 2, maxConcurrent: 2 },
  crash_looping: { workers: { ...NONE, initializing: 1 }, crashError: CRASH },
  workers_starting: { workers: { ...NONE, initializing: 1 } },
  workers_unhealthy: { workers: { ...NONE, unhealthy: 1 } },
  low_starts_none: { workers: NONE, priority: 'low' },
  no_worker: { workers: NONE },
  low_behind_high: { priority: 'low', isHighWaiting: true },
  all_busy: { workers: { ...READY.workers, idle: 0 } },
  next_in_line: {},
};

const anyFacts: fc.Arbitrary<WaitingFacts> = fc.record({
  priority: fc.constantFrom(...PRIORITIES),
  startAt: fc.constantFrom(null, START),
  paused: fc.boolean(),
  running: fc.nat(3),
  maxConcurrent: fc.constantFrom(null, 1, 2),
  isHighWaiting: fc.boolean(),
  workers: fc.record({
    ready: fc.nat(2),
    idle: fc.nat(2),
    initializing: fc.nat(1),
    unhealthy: fc.nat(1),
  }),
  crashError: fc.constantFrom(undefined, CRASH),
});

test('each cause is told where it alone holds', () => {
  for (const cause of WAITING_CAUSES) {
    assert.equal(waitingCause({ ...READY, ...SHOWN[cause] }), cause);
  }
});

test('of several causes the first is told, whatever else holds', () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const told = WAITING_CAUSES.indexOf(waitingCause(facts));
      for (const [at, cause] of WAITING_CAUSES.entries()) {
        // What makes an earlier cause hold, put on top, makes it the one that is told.
        if (at >= told || !['before_start', 'paused'].includes(cause)) continue;
        assert.equal(waitingCause({ ...facts, ...SHOWN[cause] }), cause);
      }
      assert(told >= 0);
    }),
  );
});

test('the sentences are all different, on one line, and in docs/waiting.md', () => {
  const document = readFileSync(new URL('../../../docs/waiting.md', import.meta.url), 'utf8');
  const sentences = WAITING_CAUSES.map((cause) => waitingReason({ ...READY, ...SHOWN[cause] }));
  assert.equal(new Set(sentences).size, WAITING_CAUSES.length);
  for (const sentence of sentences) {
    assert(!sentence.includes('\n'));
    const stable = sentence.replace(/: .*$/, ':');
    assert(document.includes(`\`${stable}`), `docs/waiting.md lacks: ${stable}`);
  }
  const [rows] = [document.split('\n').filter((line) => line.startsWith('| `'))];
  assert.equal(rows.length, WAITING_CAUSES.length, 'and it has no other');
});

test('details are told behind the colon', () => {
  const tell = (cause: (typeof WAITING_CAUSES)[number]): string =>
    waitingReason({ ...READY, ...SHOWN[cause] });
  assert(tell('crash_looping').endsWith(CRASH));
  assert(tell('before_start').includes('2030-01-01T00:00:00.000Z'));
  assert(tell('limit_reached').includes('2'));
});
