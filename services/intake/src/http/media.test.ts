import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '@switchyard/contracts';
import { checkMedia } from './media.ts';

const sent = { 'content-length': '2' };

test('JSON, nothing said, and any type without a body are taken', () => {
  const good = [
    { ...sent },
    { ...sent, 'content-type': 'application/json' },
    { ...sent, 'content-type': 'Application/JSON ; charset="utf-8"' },
    { ...sent, 'content-type': 'application/json;' },
    { ...sent, 'content-encoding': 'identity' },
    { 'content-length': '0', 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'text/plain' },
  ];
  for (const headers of good) checkMedia(headers);
});

test('every other body is refused', () => {
  const bad = [
    { ...sent, 'content-type': 'application/jsonp' },
    { ...sent, 'content-type': 'text/json' },
    { ...sent, 'content-type': 'application/json; charset=latin1' },
    { 'transfer-encoding': 'chunked', 'content-type': 'text/plain' },
    { ...sent, 'content-encoding': 'gzip' },
    { ...sent, 'content-type': `application/json${' '.repeat(10_000)}x` },
  ];
  for (const headers of bad) assert.throws(() => checkMedia(headers), Refusal);
});
