import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSealer, SEAL_OVERHEAD_BYTES, SealError, type SealFailure } from './seal.ts';

const CONTEXT = 'echo|019a0000-0000-7000-8000-000000000000|s3Config';
const old = randomBytes(32);
const recent = randomBytes(32);
const bytes = fc.uint8Array({ maxLength: 4096 }).map((array) => Buffer.from(array));

const fails = (open: () => unknown, ...failures: readonly SealFailure[]): void =>
  assert.throws(open, (error: unknown) => {
    assert.ok(error instanceof SealError);
    return failures.includes(error.failure);
  });

test('what was sealed opens in its context, and in no other', () => {
  const sealer = createSealer([recent]);
  fc.assert(
    fc.property(bytes, fc.string(), fc.string(), (plain, context, other) => {
      const sealed = sealer.seal(plain, context);
      assert.equal(sealed.length, plain.length + SEAL_OVERHEAD_BYTES);
      assert.deepEqual(sealer.open(sealed, context), plain);
      if (!Buffer.from(context).equals(Buffer.from(other))) {
        fails(() => sealer.open(sealed, other), 'tampered');
      }
    }),
  );
});

test('one flipped bit anywhere is refused', () => {
  const sealer = createSealer([recent]);
  fc.assert(
    fc.property(bytes, fc.nat(), fc.integer({ min: 0, max: 7 }), (plain, place, bit) => {
      const sealed = sealer.seal(plain, CONTEXT);
      const at = place % sealed.length;
      sealed.writeUInt8(sealed.readUInt8(at) ^ (1 << bit), at);
      fails(() => sealer.open(sealed, CONTEXT), 'malformed', 'unknown_key', 'tampered');
    }),
  );
});

test('arbitrary bytes and shortened values are refused', () => {
  const sealer = createSealer([recent]);
  const sealed = sealer.seal(Buffer.from('plain'), CONTEXT);
  for (let length = 0; length < sealed.length; length += 1) {
    fails(() => sealer.open(sealed.subarray(0, length), CONTEXT), 'malformed', 'tampered');
  }
  fc.assert(
    fc.property(bytes, (noise) => {
      fails(() => sealer.open(noise, CONTEXT), 'malformed', 'unknown_key', 'tampered');
    }),
  );
});

test('keys rotate: the first seals, all open, and a dropped one is named as unknown', () => {
  const before = createSealer([old]).seal(Buffer.from('secret'), CONTEXT);
  const after = createSealer([recent, old]).seal(Buffer.from('secret'), CONTEXT);
  assert.equal(createSealer([recent, old]).open(before, CONTEXT).toString(), 'secret');
  assert.equal(createSealer([recent]).open(after, CONTEXT).toString(), 'secret');
  fails(() => createSealer([recent]).open(before, CONTEXT), 'unknown_key');
});

test('the same value sealed twice differs, and shows none of the plain text', () => {
  const sealer = createSealer([recent]);
  const plain = Buffer.from('AKIA-CANARY-CANARY');
  const [one, two] = [sealer.seal(plain, CONTEXT), sealer.seal(plain, CONTEXT)];
  assert.ok(!one.equals(two));
  assert.equal(one.indexOf('CANARY'), -1);
});

test('keys of another length, and none at all, are refused', () => {
  assert.throws(() => createSealer([]), TypeError);
  assert.throws(() => createSealer([randomBytes(31)]), TypeError);
});
