import assert from 'node:assert/strict';
import { test } from 'node:test';
import { momentMs } from './moment.ts';

const AT = Date.UTC(2026, 11, 1, 8);
const MIDNIGHT = Date.UTC(2026, 11, 1);

test('every form of a calendar date and time is read, and none without a zone is of here', () => {
  for (const text of [
    ...['2026-12-01T08:00:00Z', '2026-12-01t08:00:00z', '2026-12-01T08:00:00.000Z'],
    ...['2026-12-01T08:00Z', '2026-12-01T08Z', '2026-12-01T08:00:00', '2026-12-01T08:00'],
    ...['2026-12-01T09:00:00+01:00', '2026-12-01T09:00:00+0100', '2026-12-01T09:00:00+01'],
    ...['2026-11-30T20:30:00-11:30', '20261201T080000Z', '20261201T0800', '20261201T093000+0130'],
  ]) {
    assert.equal(momentMs(text), AT, text);
  }
  for (const text of ['2026-12-01', '20261201T00']) assert.equal(momentMs(text), MIDNIGHT, text);
});

test('a fraction of a millisecond is rounded up, so that nothing starts too soon', () => {
  assert.equal(momentMs('2026-12-01T08:00:00.0000001Z'), AT + 1);
  assert.equal(momentMs('2026-12-01T08:00:00,5'), AT + 500);
  assert.equal(momentMs('2026-12-01T08:00:00.999999999Z'), AT + 1_000);
});

test('the last day of February is that of its year', () => {
  assert.equal(momentMs('2024-02-29'), Date.UTC(2024, 1, 29));
  assert.equal(momentMs('2025-02-29'), undefined);
});

test('what is no moment, or could be a number of ms, is none', () => {
  for (const text of [
    ...['', 'now', '2026', '2026-12', '20261201', '1767225600000', '2026-W49-2', '2026-335'],
    ...['2026-12-01 08:00:00Z', '2026-12-01T', '2026-12-01Z', '2026-12-0108:00', 'T08:00'],
    ...['2026-1201', '2026-02-30T08:00:00Z', '2026-13-01', '2026-00-10', '2026-01-00'],
    ...['2026-12-01T24:00:00Z', '2026-12-01T08:60', '2026-12-01T08:00:60', '2026-12-01T08:00.5'],
    ...['2026-12-01T08:00+24:00', '2026-12-01T08:00+0060', '2026-12-01T08:00:00Z\n', '+2026-12-01'],
  ]) {
    assert.equal(momentMs(text), undefined, text);
  }
});
