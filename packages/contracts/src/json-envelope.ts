import {
  CLOSE_BRACE,
  COMMA,
  type EnvelopeProblem,
  FAILED,
  type KeyToken,
  OPEN_BRACE,
  Scanner,
  skipSpace,
  spells,
} from './json-envelope/scanner.ts';
import { NESTING_MAX_LEVELS } from './limits.ts';

export type { EnvelopeProblem } from './json-envelope/scanner.ts';

/**
 * Reads the envelope of a JSON body without making its values: what a sender put into `input` or
 * `output` is passed on as the bytes it came in, so that numbers, escapes, key order and white
 * space stay exact. One pass, no recursion, no copy; the whole body is held to RFC 8259.
 */

/** Where a raw value stands in its body, in bytes: from `start` up to, not including, `end`. */
export type Span = { readonly start: number; readonly end: number };

export type ScannedObject<Key extends string> =
  | { readonly ok: true; readonly spans: ReadonlyMap<Key, Span> }
  | { readonly ok: false; readonly problem: EnvelopeProblem };

export type ScannedValue =
  | { readonly ok: true; readonly span: Span }
  | { readonly ok: false; readonly problem: EnvelopeProblem };

/**
 * Checks that `body` is one JSON object and finds the values of its top-level keys in `known`,
 * which are ASCII and are compared after unescaping. Every other key is checked and passed over,
 * however often it is there; a known one that comes twice is a problem.
 *
 * The value of each top-level key may nest `NESTING_MAX_LEVELS` (128) levels of arrays and objects:
 * the object around it is not counted, `[]` is one level, a number none. Strings may hold any bytes
 * from 0x80 up: whether they are UTF-8 is asked by `decodeText`, for the values that are read.
 */
export const scanObject = <const Key extends string>(
  body: Buffer,
  known: readonly Key[],
): ScannedObject<Key> => {
  const scanner = new Scanner(body);
  const start = scanner.begin(0);
  if (start >= 0 && body[start] !== OPEN_BRACE) {
    const whole = scanner.finish(scanner.value(start));
    return { ok: false, problem: whole < 0 ? scanner.problem : { kind: 'not_object' } };
  }
  const spans = new Map<Key, Span>();
  if (start < 0 || scanner.finish(members(scanner, start, known, spans)) < 0) {
    return { ok: false, problem: scanner.problem };
  }
  return { ok: true, spans };
};

/**
 * Checks that `body`, from byte `start` to its end, is one JSON value of at most
 * `NESTING_MAX_LEVELS` (128) levels, and says where it stands without the white space around it.
 */
export const scanValue = (body: Buffer, start = 0): ScannedValue => {
  const scanner = new Scanner(body);
  const first = scanner.begin(start);
  const end = first < 0 ? first : scanner.value(first);
  if (scanner.finish(end) < 0) return { ok: false, problem: scanner.problem };
  return { ok: true, span: { start: first, end } };
};

/** The problem as a whole sentence for the sender; `what` names the thing at fault. */
export const describeProblem = (problem: EnvelopeProblem, what = 'The body'): string => {
  switch (problem.kind) {
    case 'empty':
      return `${what} is empty; expected JSON.`;
    case 'not_json':
      return `${what} is not JSON: expected ${problem.expected} at byte ${problem.atByte}.`;
    case 'not_object':
      return `${what} must be a JSON object.`;
    case 'too_deep':
      return (
        `${what} nests more than ${NESTING_MAX_LEVELS} levels ` +
        `(the first level too many begins at byte ${problem.atByte}).`
      );
    case 'duplicate_key':
      return `${what} has the key "${problem.key}" twice.`;
    default:
      return problem satisfies never;
  }
};

/** Notes the spans of the known keys of the object at `start`; its end, or FAILED. */
const members = <Key extends string>(
  scanner: Scanner,
  start: number,
  known: readonly Key[],
  spans: Map<Key, Span>,
): number => {
  const { body } = scanner;
  let at = skipSpace(body, start + 1);
  if (body[at] === CLOSE_BRACE) return at + 1;
  for (;;) {
    const valueAt = scanner.key(at);
    if (valueAt < 0) return FAILED;
    // Asked before the value is scanned, whose own keys are noted in the same place.
    const name = nameAmong(known, body, scanner.lastKey);
    if (name !== undefined && spans.has(name)) {
      return scanner.fail({ kind: 'duplicate_key', key: name });
    }
    const end = scanner.value(valueAt);
    if (end < 0) return FAILED;
    if (name !== undefined) spans.set(name, { start: valueAt, end });
    at = skipSpace(body, end);
    if (body[at] === CLOSE_BRACE) return at + 1;
    if (body[at] !== COMMA) return scanner.expected(at, "',' or '}'");
    at = skipSpace(body, at + 1);
  }
};

/** The known name that a key spells, escapes resolved, or undefined. */
const nameAmong = <Key extends string>(
  known: readonly Key[],
  body: Buffer,
  key: KeyToken,
): Key | undefined => {
  const length = key.end - key.start;
  if (!key.escaped) {
    for (const name of known) if (spells(body, key.start, length, name)) return name;
    return undefined;
  }
  // An escape takes six bytes at most for each character, so that a longer key is none of ours.
  if (known.every((name) => length > 6 * name.length)) return undefined;
  const plain: unknown = JSON.parse(`"${body.toString('latin1', key.start, key.end)}"`);
  return known.find((name) => name === plain);
};

export type DecodedText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: string };

export type ParsedMetadata =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string };

const UTF_8 = new TextDecoder('utf-8', { fatal: true });

/** The raw text of a value; `reason`, said after the value's name, makes a sentence. */
export const decodeText = (body: Buffer, span: Span): DecodedText => {
  try {
    return { ok: true, text: UTF_8.decode(body.subarray(span.start, span.end)) };
  } catch {
    return { ok: false, reason: 'is not valid UTF-8' };
  }
};

/**
 * The value of a span that a scan gave, for what we read ourselves (never `input`). Refuses what
 * the database and HTTP headers cannot carry: bytes that are not UTF-8, and, in any string or key,
 * U+0000 or half a surrogate pair. `reason`, said after the value's name, makes a sentence.
 *
 * A key `__proto__` is an own property like any other. A number beyond a double's range is
 * Infinity, which no check for integers passes. Of a key given twice the last one counts.
 * @throws SyntaxError when the span is not that of a JSON value: a defect of the caller.
 */
export const parseMetadata = (body: Buffer, span: Span): ParsedMetadata => {
  const decoded = decodeText(body, span);
  if (!decoded.ok) return decoded;
  const value: unknown = JSON.parse(decoded.text);
  // Decoded UTF-8 holds no half pairs and a scanned string no raw U+0000: only escapes make them.
  const reason = decoded.text.includes('\\') ? badText(value) : undefined;
  return reason === undefined ? { ok: true, value } : { ok: false, reason };
};

const badText = (root: unknown): string | undefined => {
  const pending: unknown[] = [root];
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value === 'string') {
      if (value.includes('\0')) return 'holds the character U+0000';
      if (!value.isWellFormed()) return 'holds half of a surrogate pair';
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) pending.push(key, inner);
    }
  }
  return undefined;
};
