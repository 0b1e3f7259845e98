import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  jobIdOf,
  madeAtMs,
  newInstanceId,
  newJobId,
  parseEndpointId,
  parseJobId,
  parseWorkerId,
  uuidOf,
} from './ids.ts';

const kinds = ['async', 'sync'] as const;

/** Text that breaks every grammar of ids. */
const FOREIGN: readonly string[] = [
  ...['', ' ', '🚚', 'é', 'a b', 'a/b', 'a\n', '\0', '__proto__/', 'x'.repeat(200), '%2e%2e'],
];

describe('job ids', () => {
  test('rise strictly, also many within a millisecond', () => {
    const ids = Array.from({ length: 20_000 }, (_, n) => newJobId(kinds[n % 2] ?? 'async'));
    const uuids = ids.map(uuidOf);
    for (const [n, uuid] of uuids.entries()) {
      if (n > 0) assert(uuid > (uuids[n - 1] ?? ''), `${uuid} follows ${uuids[n - 1]}`);
    }
    assert.equal(new Set(ids).size, ids.length);
  });

  test('are UUIDs of version 7 that carry the time and the kind', () => {
    for (const kind of kinds) {
      const beforeMs = Date.now();
      const id = newJobId(kind);
      assert.match(
        uuidOf(id),
        /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      assert.equal(id.startsWith('sync-'), kind === 'sync');
      assert.equal(Number.parseInt(id.slice(-1), 16) & 1, kind === 'sync' ? 1 : 0);
      // A burst runs ahead of the clock by a millisecond for each 4,096 ids.
      const ahead = madeAtMs(id) - beforeMs;
      assert(ahead >= 0 && ahead < 1_000, `${ahead} ms ahead`);
    }
    const example = parseJobId('019ac0de-0000-7000-8000-000000000000') ?? assert.fail('is an id');
    assert.equal(madeAtMs(example), 0x019a_c0de_0000);
  });

  test('come back from their text and from the database', () => {
    fc.assert(
      fc.property(fc.constantFrom(...kinds), (kind) => {
        const id = newJobId(kind);
        assert.equal(parseJobId(id), id);
        assert.equal(jobIdOf(uuidOf(id)), id);
      }),
    );
  });

  test('are refused with the prefix added or taken away', () => {
    assert.equal(parseJobId(`sync-${newJobId('async')}`), undefined);
    assert.equal(parseJobId(uuidOf(newJobId('sync'))), undefined);
    assert.equal(parseJobId(`sync-${newJobId('sync')}`), undefined);
  });

  test('are refused when they are foreign', () => {
    const id = newJobId('async');
    const others = [
      ...[id.toUpperCase(), `${id}0`, id.slice(1), id.replaceAll('-', ''), ` ${id}`, `${id}\n`],
      ...['550e8400-e29b-41d4-a716-446655440000', 'ffffffff-ffff-7fff-ffff-ffffffffffff'],
      ...[`SYNC-${uuidOf(newJobId('sync'))}`, `{${id}}`, 'sync-', `${id.slice(0, -1)}🚚`],
    ];
    for (const text of [...FOREIGN, ...others]) assert.equal(parseJobId(text), undefined, text);
  });

  test('any text is an id or refused, never an exception', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const id = parseJobId(text);
        assert(id === undefined || id === text);
      }),
    );
  });
});

describe('endpoint and worker ids', () => {
  test('keep to their grammar and length', () => {
    for (const text of ['a', '0', 'my-endpoint-2', '-', 'a'.repeat(64)]) {
      assert.equal(parseEndpointId(text), text);
    }
    for (const text of [...FOREIGN, 'A', 'a_b', 'a.b', 'a'.repeat(65)]) {
      assert.equal(parseEndpointId(text), undefined, text);
    }
    for (const text of ['a', 'Pod_1.x-Y', '..', 'a'.repeat(128)]) {
      assert.equal(parseWorkerId(text), text);
    }
    for (const text of [...FOREIGN, 'a:b', 'a'.repeat(129)]) {
      assert.equal(parseWorkerId(text), undefined, text);
    }
  });

  test('an instance is named anew at each start', () => {
    assert.notEqual(newInstanceId(), newInstanceId());
  });
});
