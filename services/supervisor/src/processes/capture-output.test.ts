import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { captureOutput } from './capture-output.ts';

describe('captured output', () => {
  it('gives whole lines however they were cut into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), { maxLength: 15 }),
        fc.array(fc.nat(200)),
        (texts, cuts) => {
          const lines = texts.map((text) => text.replaceAll(/[\r\n]/g, '-'));
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const told: string[] = [];
          const output = captureOutput((line) => told.push(line));
          const sink = output.open();
          const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
          edges.forEach((edge, index) => {
            sink.write(bytes.subarray(edge, Math.max(edge, edges[index + 1] ?? bytes.length)));
          });
          sink.end();
          assert.deepEqual(told, lines);
        },
      ),
    );
  });

  it('cuts long lines, and keeps the last twenty', () => {
    const output = captureOutput(() => undefined);
    const sink = output.open();
    sink.write(Buffer.from('a'.repeat(3_000)));
    sink.write(Buffer.from(`${'a'.repeat(1_000_000)}\n`));
    assert.deepEqual(output.lastLines(), [`${'a'.repeat(4_096)}…`]);
    for (let n = 0; n < 100; n += 1) sink.write(Buffer.from(`${n}\n`));
    assert.deepEqual(
      output.lastLines(),
      Array.from({ length: 20 }, (_, n) => String(80 + n)),
    );
  });

  it('tells a few of very many lines, and keeps the end all the same', () => {
    const told: string[] = [];
    const output = captureOutput((line) => told.push(line));
    const sink = output.open();
    for (let n = 0; n < 50_000; n += 1) sink.write(Buffer.from(`${n}\n`));
    assert.ok(told.length >= 200 && told.length < 5_000, `${told.length} lines`);
    assert.equal(output.lastLines().at(-1), '49999');
  });
});
