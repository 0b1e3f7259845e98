import { NESTING_MAX_LEVELS } from '../limits.ts';

/** Why a body is refused. `atByte` counts from 0; `expected` is what would be right there. */
export type EnvelopeProblem =
  | { readonly kind: 'empty' }
  | { readonly kind: 'not_json'; readonly atByte: number; readonly expected: string }
  | { readonly kind: 'not_object' }
  | { readonly kind: 'too_deep'; readonly atByte: number }
  | { readonly kind: 'duplicate_key'; readonly key: string };

/** Where a key stands between its quotes, and whether it holds an escape. */
export type KeyToken = { start: number; end: number; escaped: boolean };

export const FAILED = -1;
/** Stands for the byte after the last one; smaller than any, so that range checks refuse it. */
const END = -1;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
export const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
/** In ASCII both `]` and `}` stand two after what they close. */
const CLOSES = 2;
const ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));
const LITERALS: ReadonlyMap<number, string> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), word]),
);

/**
 * The grammar. Each method takes the byte where its part begins and gives the byte after it, or
 * FAILED, and then `problem` says why. Scanning does not wait, so that all scanners share a stack.
 */
export class Scanner {
  readonly body: Buffer;
  readonly lastKey: KeyToken = { start: 0, end: 0, escaped: false };
  problem: EnvelopeProblem = { kind: 'empty' };
  #depth = 0;
  #escaped = false;

  constructor(body: Buffer) {
    this.body = body;
  }

  fail(problem: EnvelopeProblem): number {
    this.problem = problem;
    return FAILED;
  }

  expected(atByte: number, expected: string): number {
    return this.fail({ kind: 'not_json', atByte, expected });
  }

  /** Where the first value begins. */
  begin(from: number): number {
    const { body } = this;
    if (body[from] === 0xef && body[from + 1] === 0xbb && body[from + 2] === 0xbf) {
      return this.expected(from, 'a JSON value, not a byte order mark,');
    }
    const at = skipSpace(body, from);
    return at >= body.length ? this.fail({ kind: 'empty' }) : at;
  }

  /** Nothing but white space may follow the value that ended at `end`. */
  finish(end: number): number {
    if (end < 0) return FAILED;
    const at = skipSpace(this.body, end);
    return at < this.body.length ? this.expected(at, 'nothing more') : at;
  }

  value(start: number): number {
    this.#depth = 0;
    let at = start;
    do {
      at = this.#firstEnd(at);
      if (at >= 0) at = this.#afterValue(at);
    } while (at >= 0 && this.#depth > 0);
    return at;
  }

  /** Enters containers down to the first value that ends; where it ended. */
  #firstEnd(start: number): number {
    let at = start;
    while (at >= 0) {
      const byte = this.body[at] ?? END;
      if (byte !== OPEN_BRACKET && byte !== OPEN_BRACE) return this.#scalar(at, byte);
      if (this.#depth === NESTING_MAX_LEVELS) return this.fail({ kind: 'too_deep', atByte: at });
      const first = skipSpace(this.body, at + 1);
      if (this.body[first] === byte + CLOSES) return first + 1;
      STACK[this.#depth] = byte;
      this.#depth += 1;
      at = byte === OPEN_BRACE ? this.key(first) : first;
    }
    return FAILED;
  }

  /** Leaves every container that ends here; where the next value begins, or the outermost ended. */
  #afterValue(end: number): number {
    let at = end;
    while (this.#depth > 0) {
      at = skipSpace(this.body, at);
      const open = STACK[this.#depth - 1] ?? END;
      const byte = this.body[at] ?? END;
      if (byte === COMMA) {
        const next = skipSpace(this.body, at + 1);
        return open === OPEN_BRACE ? this.key(next) : next;
      }
      if (byte !== open + CLOSES) {
        return this.expected(at, open === OPEN_BRACE ? "',' or '}'" : "',' or ']'");
      }
      this.#depth -= 1;
      at += 1;
    }
    return at;
  }

  /** A member's key and colon, noted in `lastKey`; where its value begins. */
  key(start: number): number {
    if (this.body[start] !== QUOTE) return this.expected(start, 'a key in double quotes');
    const end = this.#string(start);
    if (end < 0) return FAILED;
    this.lastKey.start = start + 1;
    this.lastKey.end = end - 1;
    this.lastKey.escaped = this.#escaped;
    const at = skipSpace(this.body, end);
    if (this.body[at] !== COLON) return this.expected(at, "':'");
    return skipSpace(this.body, at + 1);
  }

  #scalar(start: number, byte: number): number {
    if (byte === QUOTE) return this.#string(start);
    if (byte === MINUS || isDigit(byte)) return this.#number(start);
    const word = LITERALS.get(byte);
    if (word === undefined) return this.expected(start, 'a JSON value');
    return spells(this.body, start, word.length, word)
      ? start + word.length
      : this.expected(start, word);
  }

  #string(start: number): number {
    this.#escaped = false;
    let at = skipPlain(this.body, start + 1);
    while (this.body[at] === BACKSLASH) {
      this.#escaped = true;
      const next = this.#escape(at);
      if (next < 0) return FAILED;
      at = skipPlain(this.body, next);
    }
    if (this.body[at] === QUOTE) return at + 1;
    return this.expected(
      at,
      at < this.body.length
        ? 'an escape, not a raw control character,'
        : 'the closing quote of a string',
    );
  }

  #escape(start: number): number {
    const byte = this.body[start + 1] ?? END;
    if (ESCAPES.has(byte)) return start + 2;
    if (byte !== LOWER_U) return this.expected(start + 1, 'one of "\\/bfnrtu after a backslash');
    for (let at = start + 2; at < start + 6; at += 1) {
      if (!isHex(this.body[at] ?? END)) return this.expected(at, 'a hexadecimal digit');
    }
    return start + 6;
  }

  #number(start: number): number {
    let at = this.body[start] === MINUS ? start + 1 : start;
    // A second digit after a leading zero is met as trailing rubbish by whoever reads on.
    at = this.body[at] === ZERO ? at + 1 : this.#digits(at);
    if (at >= 0 && this.body[at] === DOT) at = this.#digits(at + 1);
    // Setting this bit makes an `E` an `e`.
    if (at < 0 || ((this.body[at] ?? 0) | 0x20) !== LOWER_E) return at;
    const sign = this.body[at + 1] ?? END;
    return this.#digits(sign === PLUS || sign === MINUS ? at + 2 : at + 1);
  }

  #digits(start: number): number {
    let at = start;
    while (isDigit(this.body[at] ?? END)) at += 1;
    return at === start ? this.expected(at, 'a digit') : at;
  }
}

const STACK = new Uint8Array(NESTING_MAX_LEVELS);

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= NINE;

const isHex = (byte: number): boolean =>
  isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);

/** The first byte from `start` on that is not JSON's white space, or the end. */
export const skipSpace = (body: Buffer, start: number): number => {
  let at = start;
  let byte = body[at] ?? END;
  while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
    at += 1;
    byte = body[at] ?? END;
  }
  return at;
};

/** The first byte from `start` on that ends a string or needs a look: quote, backslash, control. */
const skipPlain = (body: Buffer, start: number): number => {
  // Most bytes of most bodies are passed here; a bound of its own is cheaper than END for each.
  const { length } = body;
  let at = start;
  while (at < length) {
    const byte = body[at] ?? END;
    if (byte === QUOTE || byte === BACKSLASH || byte < SPACE) break;
    at += 1;
  }
  return at;
};

/** Whether the `length` bytes from `start` on are the ASCII text `word`. */
export const spells = (body: Buffer, start: number, length: number, word: string): boolean => {
  if (length !== word.length) return false;
  for (let i = 0; i < length; i += 1) {
    if (body[start + i] !== word.charCodeAt(i)) return false;
  }
  return true;
};
