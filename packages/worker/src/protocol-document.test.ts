import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  decodeFrame,
  ExchangeAnswerSchema,
  ExchangeRequestSchema,
  encodeFrame,
  validator,
} from '@switchyard/contracts';

const DOCUMENT = path.resolve(import.meta.dirname, '../../../docs/worker-protocol.md');

/** The bytes of the hexdump that the document shows under `name`. */
const shown = (name: string): Buffer => {
  const block = new RegExp(`<!-- frame: ${name} -->\n\`\`\`\n([^\`]+)`);
  const lines = (block.exec(readFileSync(DOCUMENT, 'utf8'))?.[1] ?? '').trim().split('\n');
  const hex = lines.map((line) => line.slice(10, 58).replaceAll(' ', '')).join('');
  return Buffer.from(hex, 'hex');
};

for (const [name, check, body] of [
  ['request', validator(ExchangeRequestSchema), '{"n":1.0}'],
  ['answer', validator(ExchangeAnswerSchema), '[1, 2]'],
] as const) {
  test(`the ${name} that docs/worker-protocol.md shows is a frame as it is sent`, () => {
    const frame = decodeFrame(shown(name));
    assert.ok(frame !== undefined);
    assert.deepEqual(check(frame.header).ok, true);
    assert.deepEqual(frame.bodies.map(String), [body]);
    assert.deepEqual(encodeFrame(frame.header, frame.bodies), shown(name));
  });
}
