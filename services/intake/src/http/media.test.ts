import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '@switchyard/contracts';
import { checkLinesMedia, checkMedia } from './media.ts';

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

test('lines of JSON have to be called so, by one of the names in use', () => {
  const good = [
    { ...sent, 'content-type': 'application/x-ndjson' },
    { ...sent, 'content-type': 'application/NDJSON; charset=utf-8' },
    { 'transfer-encoding': 'chunked', 'content-type': 'application/jsonl' },
    { 'content-length': '0' },
  ];
  for (const headers of good) checkLinesMedia(headers);
  const bad = [
    { ...sent },
    { ...sent, 'content-type': 'application/json' },
    { ...sent, 'content-type': 'application/x-ndjson; charset=latin1' },
    { ...sent, 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' },
    { 'transfer-encoding': 'chunked', 'content-type': 'text/plain' },
  ];
  for (const headers of bad) assert.throws(() => checkLinesMedia(headers), Refusal);
  assert.throws(() => checkMedia({ ...sent, 'content-type': 'application/x-ndjson' }), Refusal);
});
