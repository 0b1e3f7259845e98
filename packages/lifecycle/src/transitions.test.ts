import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STATES, TERMINAL_STATES } from '@switchyard/contracts';
import fc from 'fast-check';
import { isTerminal, next, sourcesOf, TRIGGERS } from './transitions.ts';

const anyState = fc.constantFrom(...STATES);
const anyTrigger = fc.constantFrom(...TRIGGERS);

test('a trigger leaves exactly the states that its statement is guarded by', () => {
  fc.assert(
    fc.property(anyState, anyTrigger, (state, trigger) => {
      assert.equal(sourcesOf(trigger).includes(state), next(state, trigger) !== undefined);
    }),
  );
  for (const trigger of TRIGGERS) assert(sourcesOf(trigger).length > 0, `${trigger} has a source`);
});

test('a terminal state is left by a retry alone', () => {
  assert.deepEqual(STATES.filter(isTerminal), [...TERMINAL_STATES]);
  for (const state of TERMINAL_STATES) {
    for (const trigger of TRIGGERS) {
      if (trigger !== 'retry') assert.equal(next(state, trigger), undefined, `${trigger} ${state}`);
    }
  }
  assert.deepEqual(sourcesOf('retry'), ['FAILED', 'TIMED_OUT']);
});

test('a trigger leads to one state, wherever it comes from', () => {
  for (const trigger of TRIGGERS) {
    const targets = new Set(sourcesOf(trigger).map((state) => next(state, trigger)));
    assert.equal(targets.size, 1, trigger);
  }
});

test('a job can be cancelled until it has ended', () => {
  for (const state of STATES) {
    assert.equal(next(state, 'cancel'), isTerminal(state) ? undefined : 'CANCELLED');
  }
});

test('whatever happens from accept on, a job is in one state and ends but once a retry', () => {
  fc.assert(
    fc.property(fc.array(anyTrigger, { maxLength: 200 }), (triggers) => {
      let state: (typeof STATES)[number] = 'IN_QUEUE';
      let ends = 0;
      let retries = 0;
      for (const trigger of triggers) {
        const after = next(state, trigger);
        if (after === undefined) continue;
        if (isTerminal(after)) ends += 1;
        if (trigger === 'retry') retries += 1;
        state = after;
      }
      assert.equal(ends, retries + (isTerminal(state) ? 1 : 0));
    }),
  );
});

test('every state can be reached from accept, and an end from every state', () => {
  const reachable = (from: (typeof STATES)[number]): Set<string> => {
    const found = new Set([from]);
    for (const state of found) {
      for (const trigger of TRIGGERS) {
        const after = next(state, trigger);
        if (after !== undefined) found.add(after);
      }
    }
    return found;
  };
  assert.deepEqual(reachable('IN_QUEUE'), new Set(STATES));
  for (const state of STATES) {
    assert(
      TERMINAL_STATES.some((end) => reachable(state).has(end)),
      `${state} can end`,
    );
  }
});
