import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { isOutcomeUnknown, isPassing, isSessionRefused } from './errors.ts';

const failure = (severity: string, code: string, message = 'no'): pg.DatabaseError => {
  const error = new pg.DatabaseError(message, message.length, 'error');
  error.severity = severity;
  error.code = code;
  return error;
};

test('a session that the server ended says nothing against its statement', () => {
  // What a new session hears while the disk is full; seen in a fault run.
  const full = failure('FATAL', 'XX000', 'could not write init file');
  assert.equal(isPassing(full), true);
  assert.equal(isOutcomeUnknown(full), true);
  assert.equal(isPassing(failure('PANIC', '53100')), true);
});

test('a server that went down over a commit may have stored it', () => {
  assert.equal(isOutcomeUnknown(failure('PANIC', '53100')), true);
  assert.equal(isOutcomeUnknown(failure('ERROR', '53100')), false);
  assert.equal(isOutcomeUnknown(failure('FATAL', '53300')), false);
});

test('what only an operator can set right does not pass, nor does a statement at fault', () => {
  for (const code of ['28P01', '28000', '3D000', '42704', '0A000']) {
    assert.equal(isPassing(failure('FATAL', code)), false, code);
    assert.equal(isSessionRefused(failure('FATAL', code)), true, code);
  }
  assert.equal(isPassing(failure('ERROR', 'XX000')), false);
  assert.equal(isPassing(failure('ERROR', '23505')), false);
  assert.equal(isSessionRefused(failure('FATAL', '53300')), false);
  assert.equal(isSessionRefused(failure('ERROR', '42501')), false);
});
