/**
 * Cuts JSON text into its parts without reading the values, so that a number or a string can be
 * handed on byte for byte. Every text given here has been through JSON.parse before.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENERS: ReadonlySet<number | undefined> = new Set([0x7b, 0x5b]);
const CLOSERS: ReadonlySet<number | undefined> = new Set([0x7d, 0x5d]);
const SPACES: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d]);

const afterSpaces = (text: Buffer, from: number): number => {
  let at = from;
  while (SPACES.has(text[at])) at += 1;
  return at;
};

const afterString = (text: Buffer, opening: number): number => {
  let at = opening + 1;
  while (at < text.length && text[at] !== QUOTE) at += text[at] === BACKSLASH ? 2 : 1;
  return at + 1;
};

/** Where the comma or closing bracket stands that ends the value beginning at `from`. */
const afterValue = (text: Buffer, from: number): number => {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const byte = text[at];
    if (byte === QUOTE) {
      at = afterString(text, at);
      continue;
    }
    if (depth === 0 && (byte === COMMA || CLOSERS.has(byte))) return at;
    if (OPENERS.has(byte)) depth += 1;
    if (CLOSERS.has(byte)) depth -= 1;
    at += 1;
  }
  return at;
};

const trimmed = (text: Buffer, from: number, until: number): Buffer => {
  let end = until;
  while (SPACES.has(text[end - 1])) end -= 1;
  return text.subarray(from, end);
};

/** The elements of a JSON array, each as its own bytes. */
export const rawElements = (array: Buffer): Buffer[] => {
  const elements: Buffer[] = [];
  let at = afterSpaces(array, afterSpaces(array, 0) + 1);
  while (at < array.length && !CLOSERS.has(array[at])) {
    const end = afterValue(array, at);
    elements.push(trimmed(array, at, end));
    at = array[end] === COMMA ? afterSpaces(array, end + 1) : end;
  }
  return elements;
};

/** The value of `key` in a JSON object as its own bytes; the last one when it is there twice. */
export const rawMember = (object: Buffer, key: string): Buffer | undefined => {
  let found: Buffer | undefined;
  let at = afterSpaces(object, afterSpaces(object, 0) + 1);
  while (at < object.length && !CLOSERS.has(object[at])) {
    const keyEnd = afterString(object, at);
    const name: unknown = JSON.parse(object.toString('utf8', at, keyEnd));
    const from = afterSpaces(object, afterSpaces(object, keyEnd) + 1);
    const end = afterValue(object, from);
    if (name === key) found = trimmed(object, from, end);
    at = object[end] === COMMA ? afterSpaces(object, end + 1) : end;
  }
  return found;
};
