import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeFrame, encodeFrame } from './frame.ts';

const anyFrame = fc.record({
  header: fc.jsonValue(),
  bodies: fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }),
});

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

test('a frame comes back as it was, body by body', () => {
  fc.assert(
    fc.property(anyFrame, ({ header, bodies }) => {
      const frame = decodeFrame(encodeFrame(header, bodies)) ?? assert.fail('is a frame');
      assert.deepEqual(frame.header, JSON.parse(JSON.stringify(header)));
      assert.deepEqual(
        frame.bodies.map((body) => Uint8Array.from(body)),
        bodies,
      );
    }),
  );
});

test('a frame within a larger buffer is read where it lies', () => {
  const bytes = encodeFrame({ n: 1 }, [Buffer.from('body')]);
  const larger = new Uint8Array(bytes.length + 20).fill(0xff);
  larger.set(bytes, 7);
  const frame = decodeFrame(larger.subarray(7, 7 + bytes.length)) ?? assert.fail('is a frame');
  assert.equal(String(frame.bodies[0]), 'body');
});

test('no beginning of a frame is a frame, nor one with something behind it', () => {
  fc.assert(
    fc.property(anyFrame, fc.uint8Array({ minLength: 1, maxLength: 9 }), (made, more) => {
      const bytes = encodeFrame(made.header, made.bodies);
      for (let length = 0; length < bytes.length; length += 1) {
        assert.equal(decodeFrame(bytes.subarray(0, length)), undefined);
      }
      assert.equal(decodeFrame(Buffer.concat([bytes, more])), undefined);
    }),
  );
});

test('changed bytes are a frame that accounts for every byte, or none: never an exception', () => {
  fc.assert(
    fc.property(anyFrame, fc.nat(), fc.integer({ min: 0, max: 255 }), (made, at, value) => {
      const bytes = encodeFrame(made.header, made.bodies);
      bytes[at % bytes.length] = value;
      const frame = decodeFrame(bytes);
      if (frame === undefined) return;
      const held = frame.bodies.reduce((sum, body) => sum + body.length, 0);
      assert.equal(bytes.readUInt32BE(0) + held + 4 * (2 + frame.bodies.length), bytes.length);
    }),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      decodeFrame(bytes);
    }),
  );
});

test('numbers that promise more than there is are refused before anything is made of them', () => {
  const most = 0xffff_ffff;
  for (const bytes of [
    Buffer.concat([word(most), word(0), Buffer.from('{}')]),
    Buffer.concat([word(2), word(most), Buffer.from('{}')]),
    Buffer.concat([word(2), word(100_001), Buffer.alloc(400_010)]),
    Buffer.concat([word(2), word(1), word(most), Buffer.from('{}')]),
    Buffer.concat([word(0), word(0)]),
    Buffer.concat([word(2), word(0), Buffer.from('{"')]),
  ]) {
    assert.equal(decodeFrame(bytes), undefined);
  }
});
