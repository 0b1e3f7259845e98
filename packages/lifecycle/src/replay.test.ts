import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENTS } from '@switchyard/contracts';
import { legalSteps, mayFollow, STATE_AFTER } from './replay.ts';
import { isTerminal } from './transitions.ts';

test('nothing is accepted twice, and nothing but a retry follows an end', () => {
  for (const before of EVENTS) {
    assert(!mayFollow(before, 'accepted'), before);
    if (!isTerminal(STATE_AFTER[before])) continue;
    for (const event of EVENTS) {
      if (event !== 'retried') assert(!mayFollow(before, event), `${before} ${event}`);
    }
  }
  assert(!mayFollow('completed', 'retried'));
  assert(!mayFollow('cancelled', 'retried'));
  assert(mayFollow('failed', 'retried'));
});

test('a job is started from the queue alone, and escalated in it once', () => {
  const before = (event: string) =>
    legalSteps()
      .filter(([, later]) => later === event)
      .map(([earlier]) => earlier);
  assert.deepEqual(before('started'), ['accepted', 'escalated', 'requeued', 'retried']);
  assert.deepEqual(before('escalated'), ['accepted', 'requeued', 'retried']);
  assert.deepEqual(before('completed'), ['started']);
});
