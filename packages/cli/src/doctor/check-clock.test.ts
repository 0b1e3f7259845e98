import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkClock } from './check-clock.ts';

const look = (offMs: number, tripMs = 0) =>
  checkClock('the database', { sentMs: 0, answeredMs: tripMs, toldMs: tripMs / 2 - offMs });

test('a clock is judged by how far it is off, whichever way', () => {
  for (const sign of [1, -1]) {
    assert.equal(look(4_999 * sign).level, 'fine');
    assert.equal(look(5_000 * sign).level, 'warning');
    assert.equal(look(59_999 * sign).level, 'warning');
    assert.equal(look(60_000 * sign).level, 'error');
  }
  assert.match(look(300_000).cause, /is 5 min ahead of that of the database/);
  assert.match(look(-300_000).cause, /is 5 min behind that of the database/);
});

test('what the question itself took is not held against the clock', () => {
  assert.equal(look(7_000, 4_000).level, 'warning');
  assert.equal(look(6_999, 4_002).level, 'fine');
});
