import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  describeProblem,
  parseMetadata,
  type Span,
  scanObject,
  scanValue,
} from './json-envelope.ts';

const KNOWN = ['input', 'webhook', 'policy', 's3Config'] as const;

const scan = (text: string) => scanObject(Buffer.from(text), KNOWN);

const slice = (body: Buffer, span: Span | undefined): string | undefined =>
  span && body.toString('utf8', span.start, span.end);

/** The raw text of each known key, or the kind of the problem. */
const rawOf = (text: string): Record<string, string> | string => {
  const body = Buffer.from(text);
  const scanned = scanObject(body, KNOWN);
  if (!scanned.ok) return scanned.problem.kind;
  return Object.fromEntries(
    [...scanned.spans].map(([key, span]) => [key, slice(body, span) ?? '']),
  );
};

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

describe('a body is scanned', () => {
  test('and the known values come back byte for byte', () => {
    const values = [
      ['12345678901234567890', '1e400', '0.1000', '-0', '-0.0e-0', '1E+5'],
      ['"\\u0000"', '"\\ud800"', '"é\\/\\n\u2028"', '""', '"}]\\"{["'],
      ['{"a" : 1 ,"a":2}', '[ ]', '{ }', '[1 , [ ] ,{"input":{}}]', 'null', 'true', 'false'],
    ].flat();
    for (const value of values) {
      assert.deepEqual(rawOf(`{"x":1,"input" :\t${value}\r\n }\n`), { input: value });
    }
  });

  test('and bytes that are not UTF-8 pass inside strings only', () => {
    const body = Buffer.from('{"\xfe":"\xff","input":"\x80\xff\xc0\xaf"}', 'latin1');
    const scanned = scanObject(body, KNOWN);
    assert.ok(scanned.ok);
    const span = scanned.spans.get('input');
    assert.ok(span);
    assert.equal(body.toString('latin1', span.start, span.end), '"\x80\xff\xc0\xaf"');
    for (const text of ['{"input":\x80}', '\xa0{}', '{}\xff', '{"a"\xc2\xa0:1}']) {
      assert.equal(scanObject(Buffer.from(text, 'latin1'), KNOWN).ok, false);
    }
  });

  test('and unknown keys are passed over, repeats and __proto__ among them', () => {
    const text =
      '{"__proto__":{"input":9},"a":1,"a":{"input":2},"constructor":{"prototype":{"x":1}},' +
      '"input":3,"toString":0,"Input":4,"inputs":5,"inpu":6}';
    assert.deepEqual(rawOf(text), { input: '3' });
    assert.equal(Reflect.get({}, 'x'), undefined);
    const found = scanObject(Buffer.from('{"__proto__":[1]}'), ['__proto__']);
    assert.deepEqual(found.ok && [...found.spans], [['__proto__', { start: 13, end: 16 }]]);
  });

  test('and keys are compared after unescaping', () => {
    assert.deepEqual(rawOf('{"inpu\\u0074":1}'), { input: '1' });
    assert.deepEqual(rawOf('{"\\u0069\\u006e\\u0070\\u0075\\u0074":1}'), { input: '1' });
    assert.deepEqual(rawOf('{"inpu\\\\u0074":1,"inp\\u0075":2,"\\"input":3}'), {});
    assert.equal(rawOf('{"input":1,"inpu\\u0074":2}'), 'duplicate_key');
    const longest = [...'s3Config'].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`);
    assert.deepEqual(rawOf(`{"${longest.join('')}":1}`), { s3Config: '1' });
    assert.deepEqual(rawOf(`{"${'\\u0069'.repeat(100)}":1}`), {});
    assert.deepEqual(rawOf('{"\\ud800\\u0000":1}'), {});
  });

  test('and a known key given twice is named', () => {
    assert.deepEqual(scan('{"policy":{},"input":1,"policy":{}}'), {
      ok: false,
      problem: { kind: 'duplicate_key', key: 'policy' },
    });
    assert.deepEqual(rawOf('{"policy":{"policy":1,"policy":2},"input":{"policy":3}}'), {
      policy: '{"policy":1,"policy":2}',
      input: '{"policy":3}',
    });
  });
});

describe('a body is refused', () => {
  test('when it is empty or no object', () => {
    for (const text of ['', ' ', '\r\n\t ']) assert.equal(rawOf(text), 'empty');
    for (const text of ['[]', ' null ', '"input"', '-1.5e3', '[{"input":1}]']) {
      assert.equal(rawOf(text), 'not_object', text);
    }
    assert.equal(rawOf('[1,'), 'not_json');
  });

  test('with the byte and what was expected there', () => {
    const cases: [string, number, string][] = [
      ['{"input":01}', 10, "',' or '}'"],
      ['{"input":1.}', 11, 'a digit'],
      ['{"input":-}', 10, 'a digit'],
      ['{"input":1e+}', 12, 'a digit'],
      ['{"input":+1}', 9, 'a JSON value'],
      ['{"input":.5}', 9, 'a JSON value'],
      ['{"input":NaN}', 9, 'a JSON value'],
      ['{"input":nul}', 9, 'null'],
      ['{"input":[1,]}', 12, 'a JSON value'],
      ['{"input":[1 2]}', 12, "',' or ']'"],
      ['{"input":1,}', 11, 'a key in double quotes'],
      ["{'input':1}", 1, 'a key in double quotes'],
      ['{"input" 1}', 9, "':'"],
      ['{"input":"\\x"}', 11, 'one of "\\/bfnrtu after a backslash'],
      ['{"input":"\\u12G4"}', 14, 'a hexadecimal digit'],
      ['{"input":"a\nb"}', 11, 'an escape, not a raw control character,'],
      ['{"input":"a', 11, 'the closing quote of a string'],
      ['{"input":{"a":1]', 15, "',' or '}'"],
      ['{"input":1}{}', 11, 'nothing more'],
      ['\ufeff{"input":1}', 0, 'a JSON value, not a byte order mark,'],
      ['{"input":1}\0', 11, 'nothing more'],
      ['{\f"input":1}', 1, 'a key in double quotes'],
      ['{', 1, 'a key in double quotes'],
    ];
    for (const [text, atByte, expected] of cases) {
      const problem = { kind: 'not_json', atByte, expected };
      assert.deepEqual(scan(text), { ok: false, problem }, text);
    }
  });

  test('when a top-level value nests 129 levels, and passes at 128', () => {
    for (const key of ['input', 'unknown']) {
      assert.equal(scan(`{"${key}":${nested(128)}}`).ok, true);
      assert.equal(rawOf(`{"${key}":${nested(129)}}`), 'too_deep');
    }
    const objects = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
    assert.equal(scan(`{"input":${objects(128)}}`).ok, true);
    assert.equal(rawOf(`{"input":${objects(129)}}`), 'too_deep');
    assert.equal(scanValue(Buffer.from(nested(128))).ok, true);
    assert.equal(scanValue(Buffer.from(nested(129))).ok, false);
    // Levels are those of nesting, not the number of containers.
    assert.equal(scan(`{"input":[${Array(1000).fill(nested(127)).join()}]}`).ok, true);
  });

  test('at once when it nests half a million levels', () => {
    const levels = 500_000;
    for (const text of [`{"input":${'['.repeat(levels)}`, `{"a":`.repeat(levels)]) {
      assert.equal(rawOf(text), 'too_deep');
    }
  });

  test('in a sentence', () => {
    const sentenceOf = (text: string): string => {
      const scanned = scan(text);
      return scanned.ok ? '' : describeProblem(scanned.problem);
    };
    assert.equal(sentenceOf(''), 'The body is empty; expected JSON.');
    assert.equal(sentenceOf('[]'), 'The body must be a JSON object.');
    assert.equal(sentenceOf('{"a":}'), 'The body is not JSON: expected a JSON value at byte 5.');
    assert.match(sentenceOf(`{"a":${nested(129)}}`), /more than 128 levels .* at byte 133\)\.$/);
    assert.equal(sentenceOf('{"input":1,"input":1}'), 'The body has the key "input" twice.');
  });
});

describe('the scanner agrees with JSON.parse', () => {
  const accepts = (text: string): void => {
    const scanned = scanValue(Buffer.from(text));
    assert.equal(scanned.ok, isJson(text), JSON.stringify(text));
  };

  test('on any JSON text, and its spans hold what JSON.parse finds', () => {
    const space = fc.constantFrom('', ' ', '\n\t', '\r');
    const key = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...KNOWN, '__proto__'));
    const member = fc.tuple(key, fc.json({ stringUnit: 'binary' }), space);
    fc.assert(
      fc.property(fc.uniqueArray(member, { selector: ([name]) => name }), (parts) => {
        const text = parts.map(
          ([name, value, gap]) => `${gap}${JSON.stringify(name)}${gap}:${gap}${value}${gap}`,
        );
        const body = Buffer.from(`{${text.join(',')}}`);
        const scanned = scanObject(body, KNOWN);
        assert.ok(scanned.ok);
        const expected = parts.filter(([name]) => KNOWN.some((known) => known === name));
        assert.deepEqual(
          [...scanned.spans].map(([name, span]) => [name, slice(body, span)]),
          expected.map(([name, value]) => [name, value]),
        );
        for (const [name, span] of scanned.spans) {
          const parsed = JSON.parse(body.toString());
          assert.deepEqual(parseMetadataOrText(body, span), parsed[name]);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('on mutated texts', () => {
    const piece = fc.constantFrom(
      ...'{}[]",:\\/-+.eE019utnx \n\t\f\0',
      ...['"a":1', 'true', 'null', '\\u00e9', '1e5', '\ufeff', '\u00a0', 'é', '\ud800', '[[', '""'],
    );
    const edit = fc.record({ at: fc.nat(), remove: fc.nat(3), put: fc.array(piece) });
    fc.assert(
      fc.property(fc.json(), fc.array(edit, { maxLength: 3 }), (json, edits) => {
        let text = json;
        for (const { at, remove, put } of edits) {
          const start = at % (text.length + 1);
          text = text.slice(0, start) + put.join('') + text.slice(start + remove);
        }
        accepts(text);
      }),
      { numRuns: 5000 },
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (put) => accepts(put.join(''))),
      {
        numRuns: 5000,
      },
    );
  });

  test('on every number of up to five characters and every single byte', () => {
    const letters = [...'01-+.e'];
    let texts = [''];
    for (let length = 1; length <= 5; length += 1) {
      texts = texts.flatMap((text) => letters.map((letter) => text + letter));
      texts.forEach(accepts);
    }
    for (let code = 0; code < 256; code += 1) {
      const character = String.fromCharCode(code);
      const escapes = [`"\\${character}"`];
      for (const digit of [0, 1, 2, 3]) {
        escapes.push(`"\\u${'0'.repeat(digit)}${character}${'0'.repeat(3 - digit)}"`);
      }
      for (const text of [character, `"${character}"`, `[${character}1]`, ...escapes]) {
        accepts(text);
      }
    }
  });

  test('and never reads outside its part of a larger buffer', () => {
    const pool = Buffer.from('[[1,2]]"');
    assert.equal(scanValue(pool.subarray(1, 6)).ok, true);
    for (const end of [2, 3, 4, 5]) assert.equal(scanValue(pool.subarray(1, end)).ok, false);
    assert.deepEqual(scanValue(Buffer.from('xx [1] '), 2), {
      ok: true,
      span: { start: 3, end: 6 },
    });
  });
});

/** JSON text may hold escaped half pairs, which metadata may not: those are parsed directly. */
const parseMetadataOrText = (body: Buffer, span: Span): unknown => {
  const parsed = parseMetadata(body, span);
  return parsed.ok ? parsed.value : JSON.parse(body.toString('utf8', span.start, span.end));
};
