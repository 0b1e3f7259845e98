/**
 * The frame of docs/worker-protocol.md, written anew so that a mistake in ours is seen: 32-bit
 * big-endian the header's length, the number of bodies and the length of each; then header, bodies.
 */
const WORD_BYTES = 4;

/** The bytes of a frame. */
export const writeFrame = (header: object, bodies: readonly Buffer[]): Buffer => {
  const json = Buffer.from(JSON.stringify(header));
  const numbers = [json.length, bodies.length, ...bodies.map((body) => body.length)];
  const words = Buffer.alloc(WORD_BYTES * numbers.length);
  for (const [at, number] of numbers.entries()) words.writeUInt32BE(number, at * WORD_BYTES);
  return Buffer.concat([words, json, ...bodies]);
};

/** The header of a frame as text, and its bodies. */
export const readFrame = (bytes: Buffer): { header: string; bodies: Buffer[] } => {
  const count = bytes.readUInt32BE(WORD_BYTES);
  let at = WORD_BYTES * (2 + count);
  const next = (length: number): Buffer => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const header = next(bytes.readUInt32BE(0)).toString('utf8');
  const bodies = Array.from({ length: count }, (_, index) =>
    next(bytes.readUInt32BE(WORD_BYTES * (2 + index))),
  );
  return { header, bodies };
};
