import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { EndpointId } from '@switchyard/contracts';
import { createChanges } from './tell-changes.ts';

const ONE = 'one' as EndpointId;
const TWO = 'two' as EndpointId;

const hearNudges = () => {
  const heard: string[] = [];
  const hint = (topic: string): void => {
    if (topic.includes('nudge')) heard.push(topic.slice(topic.lastIndexOf('.') + 1));
  };
  return { heard, changes: createChanges({ hint }) };
};

test('few jobs are told of at once, each time', () => {
  const { heard, changes } = hearNudges();
  for (const jobs of [1, 15, 1]) changes.queued(ONE, jobs);
  assert.deepEqual(heard, [ONE, ONE, ONE]);
});

test('a stream of many jobs is told of at once, then now and then', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { heard, changes } = hearNudges();
  for (let batch = 0; batch < 5; batch += 1) changes.queued(ONE, 16);
  changes.queued(TWO, 500);
  assert.deepEqual(heard, [ONE, TWO]);
  mock.timers.tick(20);
  assert.deepEqual(heard, [ONE, TWO, ONE], 'the four that came since');
  changes.queued(ONE, 1);
  assert.deepEqual(heard, [ONE, TWO, ONE, ONE], 'a single one does not wait');
  changes.queued(ONE, 16);
  mock.timers.tick(20);
  assert.deepEqual(heard, [ONE, TWO, ONE, ONE, ONE]);
  mock.timers.tick(1_000);
  assert.equal(heard.length, 5, 'nothing came since');
  mock.timers.reset();
});

test('the end of a stream is told of at once', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { heard, changes } = hearNudges();
  changes.queued(ONE, 16);
  changes.settled(ONE);
  assert.deepEqual(heard, [ONE], 'all was told of already');
  changes.queued(ONE, 48);
  changes.settled(TWO);
  assert.deepEqual(heard, [ONE]);
  changes.settled(ONE);
  assert.deepEqual(heard, [ONE, ONE]);
  mock.timers.tick(1_000);
  assert.equal(heard.length, 2, 'nothing came since');
  mock.timers.reset();
});
