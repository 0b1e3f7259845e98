import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeText, parseMetadata } from '../json-envelope.ts';

describe('metadata', () => {
  const parse = (text: string | Buffer) => {
    const body = Buffer.from(text);
    return parseMetadata(body, { start: 0, end: body.length });
  };

  test('is the value that JSON.parse gives', () => {
    for (const text of [
      '"https://example.com/\\u00e9?a=\\/"',
      '{"ttl":60000}',
      '[1,"é\\n"]',
      '1',
    ]) {
      assert.deepEqual(parse(text), { ok: true, value: JSON.parse(text) });
    }
    assert.deepEqual(parse('1e400'), { ok: true, value: Number.POSITIVE_INFINITY });
    assert.deepEqual(parse('"\\ud83d\\ude00"'), { ok: true, value: '😀' });
  });

  test('is refused when any string or key holds what cannot be stored', () => {
    const nul = { ok: false, reason: 'holds the character U+0000' };
    const half = { ok: false, reason: 'holds half of a surrogate pair' };
    for (const text of ['"\\u0000"', '[[{"a":"x\\u0000"}]]', '{"a\\u0000":1}']) {
      assert.deepEqual(parse(text), nul, text);
    }
    for (const text of ['"\\ud800"', '"\\udc00\\ud800"', '{"\\udfff":1}', '{"a":["\\ud83d"]}']) {
      assert.deepEqual(parse(text), half, text);
    }
  });

  test('is refused when it is not UTF-8', () => {
    const bad = [
      '\xff',
      '\xc0\xaf',
      '\xed\xa0\x80',
      '\xf4\x90\x80\x80',
      '\xe2\x82',
      '\xf8\x88\x80',
    ];
    for (const bytes of bad) {
      const body = Buffer.from(`"${bytes}"`, 'latin1');
      const span = { start: 0, end: body.length };
      assert.deepEqual(decodeText(body, span), { ok: false, reason: 'is not valid UTF-8' });
      assert.equal(parseMetadata(body, span).ok, false);
    }
    assert.deepEqual(parse('"\ufeffa"'), { ok: true, value: '\ufeffa' });
  });

  test('keeps a key __proto__ as data and walks into it', () => {
    const parsed = parse('{"__proto__":{"polluted":"\\n"}}');
    assert.ok(parsed.ok);
    assert.deepEqual(Object.keys(Object(parsed.value)), ['__proto__']);
    assert.equal(Reflect.get({}, 'polluted'), undefined);
    assert.equal(parse('{"__proto__":{"a":"\\u0000"}}').ok, false);
  });
});
