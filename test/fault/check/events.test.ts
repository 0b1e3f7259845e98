import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SEEN, SOUND } from '../sound-run.ts';
import { checkEvents } from './events.ts';

const WIPE = { kind: 'broker-wiped', target: 'broker', atMs: 90_000, endedAtMs: 91_000 };
/** Published more than a minute after it happened. */
const LATE = SEEN.map((one) => ({ ...one, atMs: one.atMs + 100_000 }));

const isMissed = (events: typeof SEEN): boolean =>
  checkEvents({ ...SOUND, history: { ...SOUND.history, events, faults: [WIPE] } }).some(
    ({ rule }) => rule === 'every event comes to a consumer',
  );

test('an event that went with a wiped broker is not missed, however late it was published', () => {
  assert(!isMissed(LATE.slice(1)));
  assert(!isMissed(LATE.toSpliced(1, 1)));
});

test('one is missed where those around it came long before the wipe', () => {
  assert(isMissed(SEEN.toSpliced(1, 1)));
});
