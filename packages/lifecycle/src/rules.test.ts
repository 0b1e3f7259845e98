import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCALING_RULES } from '@switchyard/contracts';
import fc from 'fast-check';
import { escalatesAfterMs } from './escalation.ts';
import { escalatedRank, priorityOf, RANK, RANKS, rankOf, returnedRank } from './priority.ts';
import { afterLoss } from './retries.ts';
import { desiredWorkers, type Load } from './scale.ts';

const anyRank = fc.constantFrom(...RANKS);

test('a returned job goes ahead of its own priority and of no other', () => {
  fc.assert(
    fc.property(anyRank, anyRank, (rank, other) => {
      assert(returnedRank(rank) <= rank);
      assert.equal(priorityOf(returnedRank(rank)), priorityOf(rank));
      assert.equal(returnedRank(returnedRank(rank)), returnedRank(rank));
      if (priorityOf(other) === priorityOf(rank)) assert(returnedRank(rank) <= other);
      if (priorityOf(rank) === 'low' && priorityOf(other) === 'high') {
        assert(returnedRank(rank) > other);
      }
    }),
  );
});

test('an escalated job is high, once and for all, and keeps its place among the returned', () => {
  fc.assert(
    fc.property(anyRank, (rank) => {
      assert.equal(priorityOf(escalatedRank(rank)), 'high');
      assert.equal(escalatedRank(escalatedRank(rank)), escalatedRank(rank));
      assert.equal(escalatedRank(returnedRank(rank)), returnedRank(escalatedRank(rank)));
    }),
  );
  assert.equal(escalatedRank(RANK.lowReturned), RANK.highReturned);
});

test('a job enters the queue with the rank of its priority', () => {
  for (const priority of ['high', 'low'] as const) {
    assert.equal(priorityOf(rankOf(priority)), priority);
  }
  assert.deepEqual(RANKS, Object.values(RANK), 'in the order in which they are claimed');
});

test('a low job escalates before three quarters of its ttl and within its limit', () => {
  const ms = fc.integer({ min: 1_000, max: 604_800_000 });
  fc.assert(
    fc.property(ms, ms, (ttlMs, escalateAfterMs) => {
      const afterMs = escalatesAfterMs(ttlMs, escalateAfterMs);
      assert(Number.isInteger(afterMs) && afterMs > 0);
      assert(afterMs <= escalateAfterMs && afterMs <= ttlMs * 0.75);
      assert(afterMs === escalateAfterMs || afterMs > ttlMs * 0.75 - 1);
    }),
  );
  assert.equal(escalatesAfterMs(86_400_000, 3_600_000), 3_600_000);
  assert.equal(escalatesAfterMs(60_000, 3_600_000), 45_000);
});

test('no job is tried more often than allowed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.array(fc.boolean()), (maxAttempts, losses) => {
      let attempts = 0;
      let spentLosses = 0;
      for (const spent of losses) {
        const after = afterLoss(attempts, maxAttempts, spent);
        if (spent) spentLosses += 1;
        assert(after.attempts <= maxAttempts);
        assert.equal(after.attempts, spentLosses);
        if (!spent) assert.deepEqual(after, { kind: 'requeue', attempts });
        if (after.kind === 'fail') {
          assert.equal(after.attempts, maxAttempts);
          return;
        }
        assert(after.attempts < maxAttempts);
        attempts = after.attempts;
      }
    }),
  );
});

const anyLoad: fc.Arbitrary<Load> = fc.record({
  queuedHigh: fc.nat(5_000),
  running: fc.nat(5_000),
  oldestHighWaitMs: fc.nat(100_000),
});
const anyScaling = fc
  .record({
    rule: fc.constantFrom(...SCALING_RULES),
    value: fc.integer({ min: 1, max: 100 }),
    concurrency: fc.integer({ min: 1, max: 100 }),
    minimum: fc.nat(100),
    more: fc.nat(100),
  })
  .map(({ rule, value, concurrency, minimum, more }) => ({
    scaling: { rule, value },
    worker: { template: 'echo', concurrency, minimum, maximum: minimum + more, idleTimeoutMs: 0 },
  }));

test('the number of workers stays within its bounds, and grows with the load', () => {
  fc.assert(
    fc.property(anyScaling, anyLoad, anyLoad, (settings, load, more) => {
      const workers = desiredWorkers(settings, load);
      const { minimum, maximum } = settings.worker;
      assert(Number.isInteger(workers) && workers >= minimum && workers <= maximum);
      const grown = desiredWorkers(settings, {
        queuedHigh: load.queuedHigh + more.queuedHigh,
        running: load.running + more.running,
        oldestHighWaitMs: load.oldestHighWaitMs + more.oldestHighWaitMs,
      });
      assert(grown >= workers, `${grown} for more than ${workers} had`);
    }),
  );
});

test('a busy worker is not taken away, and an idle endpoint falls to its minimum', () => {
  fc.assert(
    fc.property(anyScaling, anyLoad, (settings, load) => {
      const { minimum, maximum, concurrency } = settings.worker;
      const busy = Math.ceil(load.running / concurrency);
      assert(desiredWorkers(settings, load) >= Math.min(busy, maximum));
      const idle = { queuedHigh: 0, running: 0, oldestHighWaitMs: 0 };
      assert.equal(desiredWorkers(settings, idle), minimum);
      assert.equal(desiredWorkers({ ...settings, worker: null }, load), 0);
    }),
  );
});

test('a first job gets a worker at once; then the two rules differ', () => {
  const worker = { template: 'e', concurrency: 1, minimum: 0, maximum: 9, idleTimeoutMs: 0 };
  const byDelay = { scaling: { rule: 'QUEUE_DELAY', value: 4 }, worker } as const;
  const byCount = { scaling: { rule: 'REQUEST_COUNT', value: 4 }, worker } as const;
  const load = (queuedHigh: number, running: number, oldestHighWaitMs: number): Load => ({
    ...{ queuedHigh, running, oldestHighWaitMs },
  });
  assert.equal(desiredWorkers(byDelay, load(1, 0, 0)), 1);
  assert.equal(desiredWorkers(byDelay, load(50, 2, 4_000)), 2);
  assert.equal(desiredWorkers(byDelay, load(50, 2, 4_001)), 3);
  assert.equal(desiredWorkers(byCount, load(8, 0, 0)), 2);
  assert.equal(desiredWorkers(byCount, load(9, 0, 0)), 3);
});
