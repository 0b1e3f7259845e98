/**
 * A small header with raw bodies behind it, for messages that carry jobs or results: the bodies are
 * the sender's bytes and are never parsed. Layout, all numbers 32-bit big-endian: header length,
 * number of bodies, the length of each body, the header as JSON, the bodies.
 */
const WORD_BYTES = 4;
const BODIES_MAX = 100_000;

/** The frame of `header` and `bodies`, which keep their order. */
export const encodeFrame = (header: unknown, bodies: readonly Uint8Array[]): Buffer => {
  const json = Buffer.from(JSON.stringify(header));
  const lengths = Buffer.allocUnsafe(WORD_BYTES * (2 + bodies.length));
  lengths.writeUInt32BE(json.length, 0);
  lengths.writeUInt32BE(bodies.length, WORD_BYTES);
  for (const [index, body] of bodies.entries()) {
    lengths.writeUInt32BE(body.length, WORD_BYTES * (2 + index));
  }
  return Buffer.concat([lengths, json, ...bodies]);
};

/** The header (still to be validated) and the bodies, or undefined where `bytes` are no frame. */
export const decodeFrame = (
  bytes: Uint8Array,
): { header: unknown; bodies: Buffer[] } | undefined => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 2 * WORD_BYTES) return undefined;
  const headerLength = buffer.readUInt32BE(0);
  const count = buffer.readUInt32BE(WORD_BYTES);
  let at = WORD_BYTES * (2 + count);
  if (count > BODIES_MAX || at + headerLength > buffer.length) return undefined;
  const header = parseJson(buffer.toString('utf8', at, at + headerLength));
  if (header === undefined) return undefined;
  at += headerLength;
  const bodies: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    const length = buffer.readUInt32BE(WORD_BYTES * (2 + index));
    if (at + length > buffer.length) return undefined;
    bodies.push(buffer.subarray(at, at + length));
    at += length;
  }
  return at === buffer.length ? { header, bodies } : undefined;
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
