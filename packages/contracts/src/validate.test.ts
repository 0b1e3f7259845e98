import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ConfigFileSchema } from './config-file.ts';
import { CreateEndpointSchema, EndpointSettingsSchema } from './endpoint.ts';
import { ExchangeRequestSchema } from './exchange.ts';
import { PolicySchema } from './policy.ts';
import { CreateKeySchema } from './scopes.ts';
import { validator } from './validate.ts';

const policy = validator(PolicySchema, 'policy');
const settings = validator(EndpointSettingsSchema);
const file = validator(ConfigFileSchema);
const creation = validator(CreateEndpointSchema);
const key = validator(CreateKeySchema);
const exchange = validator(ExchangeRequestSchema);

type Check = (value: unknown) => { ok: true } | { ok: false; detail: string };
const within = (name: string, value: unknown): object => ({ [name]: value });
const inWorker = (field: object): object => ({ worker: { template: 'echo', ...field } });
const inKey = (field: object): object => ({ name: 'ci', scopes: ['read'], ...field });
const inExchange = (field: object): object => ({
  ...{ free: 0, held: [], waitMs: 0, posts: [] },
  ...field,
});

/** Of a number: what puts it in its place, its field, least, most, and how its bounds are told. */
type Bound = readonly [Check, (value: number) => object, string, number, number, string];
const WEEK_MS = 604_800_000;
const YEAR_MS = 31_536_000_000;
const between = (least: number, most: number): string => `an integer >= ${least} and <= ${most}`;
const BOUNDS: readonly Bound[] = [
  [policy, (n) => within('ttl', n), 'policy.ttl', 10_000, WEEK_MS, between(10_000, WEEK_MS)],
  [
    ...([policy, (n: number) => within('executionTimeout', n), 'policy.executionTimeout'] as const),
    ...([5_001, WEEK_MS, `an integer > 5000 and <= ${WEEK_MS}`] as const),
  ],
  ...(
    [
      ['concurrency', 1, 10_000],
      ['minimum', 0, 1_000],
      ['maximum', 0, 1_000],
      ['idleTimeoutMs', 0, YEAR_MS],
    ] as const
  ).map(([name, least, most]): Bound => {
    const put = (n: number) => inWorker(within(name, n));
    return [settings, put, `worker.${name}`, least, most, between(least, most)];
  }),
  ...(
    [
      ['scaling', 'value', 1, 1_000_000],
      ['defaults', 'ttlMs', 10_000, WEEK_MS],
      ['limits', 'maxAttempts', 1, 100],
    ] as const
  ).map(([group, name, least, most]): Bound => {
    const put = (n: number) => within(group, within(name, n));
    return [settings, put, `${group}.${name}`, least, most, between(least, most)];
  }),
  ...(
    [
      ['maxQueued', 1_000_000_000],
      ['maxConcurrent', 1_000_000],
    ] as const
  ).map(([name, most]): Bound => {
    const put = (n: number) => within('limits', within(name, n));
    return [settings, put, `limits.${name}`, 1, most, `${between(1, most)}`];
  }),
  [
    settings,
    (n) => within('escalateAfterMs', n),
    'escalateAfterMs',
    1_000,
    WEEK_MS,
    between(1_000, WEEK_MS),
  ],
  [
    settings,
    (n) => within('retentionMs', n),
    'retentionMs',
    1_000,
    YEAR_MS,
    between(1_000, YEAR_MS),
  ],
  [exchange, (n) => inExchange({ free: n }), 'free', 0, 100_000, between(0, 100_000)],
  [exchange, (n) => inExchange({ waitMs: n }), 'waitMs', 0, 25_000, between(0, 25_000)],
];

const refusal = (check: Check, value: unknown): string => {
  const checked = check(value);
  return checked.ok ? assert.fail(`${JSON.stringify(value)} was taken`) : checked.detail;
};

describe('numbers', () => {
  for (const [check, put, field, least, most, told] of BOUNDS) {
    test(`${field} is taken from ${least} to ${most} and refused beyond, with its bounds`, () => {
      for (const inside of [least, least + 1, most - 1, most]) {
        assert.equal(check(put(inside)).ok, true, `${inside}`);
      }
      for (const outside of [least - 1, most + 1, least + 0.5, -1e300, 1e300]) {
        const detail = refusal(check, put(outside));
        assert.equal(detail, `${field} must be ${told}; got ${outside}.`);
      }
    });
  }

  test('of another type are refused in the same words', () => {
    for (const [value, shown] of [
      ['60000', '"60000"'],
      [null, 'null'],
      [true, 'true'],
      [[60_000], '[60000]'],
      [{}, '{}'],
      [Number.NaN, 'NaN'],
      [Number.POSITIVE_INFINITY, 'Infinity'],
    ] as const) {
      const detail = refusal(policy, { ttl: value });
      assert.equal(detail, `policy.ttl must be ${between(10_000, WEEK_MS)}; got ${shown}.`);
    }
  });
});

/** A value that is refused, and the whole sentence. */
const SENTENCES: readonly (readonly [Check, unknown, string])[] = [
  [policy, 5, 'policy must be an object; got 5.'],
  [policy, { lowPriority: 1 }, 'policy.lowPriority must be a boolean; got 1.'],
  [settings, null, 'The body must be an object; got null.'],
  [settings, [], 'The body must be an object; got [].'],
  [settings, undefined, 'The body must be an object; got nothing.'],
  [settings, { frobs: 1 }, 'The body has an unknown field "frobs".'],
  [settings, { limits: { frobs: 1 } }, 'limits has an unknown field "frobs".'],
  [file, { workerTemplates: { echo: {} } }, 'workerTemplates.echo lacks "command".'],
  [settings, { worker: 5 }, 'worker must be an object; got 5.'],
  [
    settings,
    { scaling: { rule: 'FAST' } },
    'scaling.rule must be one of "QUEUE_DELAY", "REQUEST_COUNT"; got "FAST".',
  ],
  [settings, { name: '' }, 'name must not have fewer than 1 characters; got "".'],
  [creation, {}, 'The body lacks "id".'],
  [creation, { id: 5 }, 'id must be a string; got 5.'],
  [creation, { id: 'A' }, 'id must match pattern "^[a-z0-9-]{1,64}$"; got "A".'],
  [key, {}, 'The body lacks "name", "scopes".'],
  [
    key,
    inKey({ scopes: ['boss'] }),
    'scopes.0 must be one of "submit", "read", "admin", "worker"; got "boss".',
  ],
  [key, inKey({ scopes: [] }), 'scopes must not have fewer than 1 items; got [].'],
  [
    key,
    inKey({ endpoints: ['A'] }),
    'endpoints.0 must match pattern "^[a-z0-9-]{1,64}$"; got "A".',
  ],
];

describe('sentences', () => {
  for (const [check, value, sentence] of SENTENCES) {
    test(sentence, () => assert.equal(refusal(check, value), sentence));
  }

  test('a long value is shown in part and on one line', () => {
    const detail = refusal(settings, { name: `${'x'.repeat(300)}\n` });
    assert(detail.length < 150 && !detail.includes('\n') && detail.includes('…'), detail);
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, n]));
    assert(refusal(settings, many).length < 20_000);
  });

  test('texts are counted as they are bounded', () => {
    for (const length of [1, 200]) assert(settings({ name: 'x'.repeat(length) }).ok);
    assert.match(refusal(settings, { name: 'x'.repeat(201) }), /not have more than 200 characters/);
    for (const length of [1, 64]) assert(settings(inWorker({ template: 'x'.repeat(length) })).ok);
    assert.match(refusal(settings, inWorker({ template: 'x'.repeat(65) })), /^worker\.template /);
    const ids = (count: number) => Array.from({ length: count }, (_, n) => `e${n}`);
    for (const count of [1, 1_000]) assert(key(inKey({ endpoints: ids(count) })).ok);
    for (const count of [0, 1_001]) assert(!key(inKey({ endpoints: ids(count) })).ok);
  });
});

describe('hostile keys', () => {
  for (const name of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
    test(`${name} is a key like any other`, () => {
      const hostile: unknown = JSON.parse(`{${JSON.stringify(name)}:{"ttl":1}}`);
      assert.equal(refusal(settings, hostile), `The body has an unknown field "${name}".`);
      assert(policy(hostile).ok, 'where unknown keys are discarded');
      const beside: unknown = JSON.parse(`{${JSON.stringify(name)}:{},"ttl":3}`);
      assert.match(refusal(policy, beside), /^policy\.ttl must be .*; got 3\.$/);
      assert.equal(Reflect.get({}, 'ttl'), undefined, 'no prototype was touched');
    });
  }

  test('keys that look like paths are named as they are', () => {
    assert.match(refusal(settings, { 'a/b~c': 1 }), /"a\/b~c"/);
  });

  test('any JSON is taken or refused with a sentence, never with an exception', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom(policy, settings, key, exchange),
        (value, check) => {
          const checked = (check as Check)(value);
          if (!checked.ok) assert.match(checked.detail, /^\S.*\.$/s);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
