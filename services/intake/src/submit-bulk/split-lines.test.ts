import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLineSplitter } from './split-lines.ts';

type Seen = [number, string];

const MAX_BYTES = 8;

/** What a splitter makes of `chunks`. */
const split = (chunks: readonly Buffer[]): Seen[] => {
  const seen: Seen[] = [];
  const splitter = createLineSplitter(MAX_BYTES, (line, number) => {
    seen.push([number, line === 'tooLong' ? line : line.toString('latin1')]);
  });
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return seen;
};

/** The same by plain means, of the whole text. */
const splitText = (text: string): Seen[] =>
  text
    .split('\n')
    .map((line): Seen => [0, line.endsWith('\r') ? line.slice(0, -1) : line])
    .map(([, line], at): Seen => [at + 1, line.length > MAX_BYTES ? 'tooLong' : line])
    .filter(([, line]) => !/^[ \t\r]*$/.test(line));

const text = fc
  .array(fc.constantFrom('\n', '\r\n', '\r', ' ', '\t', 'x', 'yy', '{"a":1}', 'longer than 8', 'é'))
  .map((parts) => parts.join(''));

test('lines are the same however the bytes come', () => {
  fc.assert(
    fc.property(text, fc.array(fc.nat(60)), (whole, cuts) => {
      const bytes = Buffer.from(whole, 'latin1');
      const places = [...cuts.filter((cut) => cut <= bytes.length), bytes.length];
      let from = 0;
      const chunks = places
        .toSorted((one, other) => one - other)
        .map((to) => {
          const chunk = bytes.subarray(from, to);
          from = to;
          return chunk;
        });
      assert.deepEqual(split(chunks), splitText(whole));
    }),
    { numRuns: 2_000 },
  );
});

test('a border at every byte, and bytes one by one, change nothing', () => {
  const whole = Buffer.from('{"a":1}\r\n\n \r\n12345678\r\n123456789\n{"b":2}\n\r\n12345678\r');
  const expected: Seen[] = [
    [1, '{"a":1}'],
    [4, '12345678'],
    [5, 'tooLong'],
    [6, '{"b":2}'],
    [8, '12345678'],
  ];
  for (let at = 0; at <= whole.length; at += 1) {
    assert.deepEqual(split([whole.subarray(0, at), whole.subarray(at)]), expected, `at ${at}`);
  }
  assert.deepEqual(split([...whole].map((byte) => Buffer.of(byte))), expected);
});

test('a line within one chunk is not copied, and nothing is kept of one that is too long', () => {
  const chunk = Buffer.from('abc\n');
  let line: Buffer | undefined;
  const splitter = createLineSplitter(MAX_BYTES, (bytes) => {
    if (bytes !== 'tooLong') line = bytes;
  });
  splitter.push(chunk);
  assert.equal(line?.buffer, chunk.buffer);

  const numbers: number[] = [];
  const bounded = createLineSplitter(MAX_BYTES, (_, number) => numbers.push(number));
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 64; i += 1) bounded.push(Buffer.alloc(4 * 1_048_576, 'x'));
  assert.ok(process.memoryUsage().arrayBuffers - before < 200 * 1_048_576);
  bounded.push(Buffer.from('\nok\n'));
  assert.deepEqual(numbers, [1, 2]);
});
