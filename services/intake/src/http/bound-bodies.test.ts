import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { boundBodies } from './bound-bodies.ts';

test('bodies share one room, and an answer that is sent gives its part back', () => {
  const bound = boundBodies(10);
  const response = new EventEmitter();
  const first = bound.open(response);
  const second = bound.open(new EventEmitter());
  assert.deepEqual(
    [first.add(4), second.add(6), first.add(1), second.add(1)],
    [true, true, false, false],
  );
  response.emit('close');
  assert.deepEqual([second.add(4), second.add(1)], [true, false]);
});

test('a body that is let go early is given back once, and counts no more', () => {
  const bound = boundBodies(10);
  const response = new EventEmitter();
  const first = bound.open(response);
  first.add(10);
  first.leave();
  response.emit('close');
  assert.equal(first.add(5), true);
  const second = bound.open(new EventEmitter());
  assert.deepEqual([second.add(10), second.add(1)], [true, false]);
});
