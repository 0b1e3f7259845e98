import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type EndpointSettings,
  EndpointSettingsSchema,
  SCALING_RULES,
  validator,
} from '@switchyard/contracts';
import fc from 'fast-check';
import { resolvePolicy, resolveSettings } from './policy.ts';

const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const timeoutMs = fc.integer({ min: 5_001, max: 604_800_000 });
const ttlMs = fc.integer({ min: 10_000, max: 604_800_000 });

/** Drops the fields that are not there, since the schema takes no undefined. */
const present = <Value extends object>(value: Value): object =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));

const group = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object | undefined> =>
  optional(fc.record(fields).map(present));

const count = (max: number, min = 0) => optional(fc.integer({ min, max }));

const check = validator(EndpointSettingsSchema);
const anySettings: fc.Arbitrary<EndpointSettings> = fc
  .record({
    name: optional(fc.string({ minLength: 1, maxLength: 200 })),
    worker: fc.oneof(
      fc.constantFrom(undefined, null),
      group({
        template: fc.constantFrom('echo', 'gpu'),
        concurrency: count(10_000, 1),
        minimum: count(1_000),
        maximum: count(1_000),
        idleTimeoutMs: count(60_000),
      }).map((worker) => worker && { template: 'echo', ...worker }),
    ),
    scaling: group({ rule: optional(fc.constantFrom(...SCALING_RULES)), value: count(100, 1) }),
    defaults: group({ executionTimeoutMs: optional(timeoutMs), ttlMs: optional(ttlMs) }),
    limits: group({
      maxQueued: fc.option(count(1_000, 1)),
      maxConcurrent: fc.option(count(1_000, 1)),
      maxAttempts: count(100, 1),
    }),
    escalateAfterMs: count(604_800_000, 1_000),
    retentionMs: count(86_400_000, 1_000),
  })
  .map((settings) => {
    const checked = check(present(settings));
    assert(checked.ok, 'the settings are within their bounds');
    return checked.value;
  });

const resolved = anySettings.map((settings) => resolveSettings('any', settings));

test("a job's own value wins over the endpoint's, and everything else is the endpoint's", () => {
  fc.assert(
    fc.property(
      optional(timeoutMs),
      optional(ttlMs),
      optional(fc.boolean()),
      resolved,
      (executionTimeout, ttl, lowPriority, { defaults }) => {
        const policy = resolvePolicy(
          {
            ...(executionTimeout === undefined ? {} : { executionTimeout }),
            ...(ttl === undefined ? {} : { ttl }),
            ...(lowPriority === undefined ? {} : { lowPriority }),
          },
          defaults,
        );
        assert.equal(policy.executionTimeoutMs, executionTimeout ?? defaults.executionTimeoutMs);
        assert.equal(policy.ttlMs, ttl ?? defaults.ttlMs);
        assert.equal(policy.priority, lowPriority === true ? 'low' : 'high');
      },
    ),
  );
});

test('settings without a word are the defaults, those of RunPod among them', () => {
  assert.deepEqual(resolveSettings('echo', {}), {
    name: 'echo',
    worker: null,
    scaling: { rule: 'QUEUE_DELAY', value: 4 },
    defaults: { executionTimeoutMs: 600_000, ttlMs: 86_400_000 },
    limits: { maxQueued: 1_000_000, maxConcurrent: null, maxAttempts: 3 },
    escalateAfterMs: 3_600_000,
    retentionMs: 86_400_000,
  });
  const { worker } = resolveSettings('echo', { worker: { template: 'echo' } });
  assert.deepEqual(worker, {
    ...{ template: 'echo', concurrency: 1, minimum: 0, maximum: 3, idleTimeoutMs: 5_000 },
  });
});

test('the same change twice is the change once, and no change is none', () => {
  fc.assert(
    fc.property(resolved, anySettings, (base, change) => {
      const once = resolveSettings('any', change, base);
      assert.deepEqual(resolveSettings('any', change, once), once);
      assert.deepEqual(resolveSettings('any', {}, base), base);
      assert.deepEqual(resolveSettings('any', base as EndpointSettings, base), base);
    }),
  );
});

test('a change holds field by field and leaves the other fields of its group alone', () => {
  fc.assert(
    fc.property(resolved, anySettings, (base, change) => {
      const after = resolveSettings('any', change, base);
      for (const name of ['scaling', 'defaults', 'limits'] as const) {
        assert.deepEqual(after[name], { ...base[name], ...change[name] }, name);
      }
      assert.equal(after.escalateAfterMs, change.escalateAfterMs ?? base.escalateAfterMs);
      assert.equal(after.name, change.name ?? base.name);
      if (change.worker === null) assert.equal(after.worker, null);
      if (change.worker === undefined) assert.deepEqual(after.worker, base.worker);
    }),
  );
});

test('a worker keeps its template where a change names none, and needs one', () => {
  const base = resolveSettings('echo', { worker: { template: 'echo', minimum: 2 } });
  const { worker } = resolveSettings('echo', { worker: { maximum: 5 } }, base);
  assert.deepEqual(worker, { ...base.worker, maximum: 5 });
  for (const none of [undefined, resolveSettings('echo', {})]) {
    assert.throws(() => resolveSettings('echo', { worker: {} }, none), /worker\.template/);
  }
});

test('the largest number of workers is never below the smallest', () => {
  fc.assert(
    fc.property(resolved, anySettings, (base, change) => {
      const { worker } = resolveSettings('any', change, base);
      if (worker !== null) assert(worker.maximum >= worker.minimum);
    }),
  );
});

test('a limit can be lifted with null', () => {
  const limited = resolveSettings('echo', { limits: { maxQueued: 5, maxConcurrent: 2 } });
  const lifted = resolveSettings('echo', { limits: { maxConcurrent: null } }, limited);
  assert.deepEqual(lifted.limits, { maxQueued: 5, maxConcurrent: null, maxAttempts: 3 });
});
