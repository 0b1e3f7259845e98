import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHealth, VERSION } from './health.ts';

test('a process is ready when all of its checks are good', async () => {
  const health = createHealth();
  assert.deepEqual(await health.readyz(), { ok: true, checks: {} });
  health.register('database', () => ({ ok: true }));
  health.register('broker', async () => ({ ok: false, detail: 'It is away.' }));
  assert.deepEqual(await health.readyz(), {
    ok: false,
    checks: { database: { ok: true }, broker: { ok: false, detail: 'It is away.' } },
  });
  health.register('broker', () => ({ ok: true }));
  assert.equal((await health.readyz()).ok, true);
  assert.deepEqual(health.live(), { ok: true, version: VERSION });
  assert.match(VERSION, /^\d+\.\d+\.\d+/);
});

test('a check that throws or never answers is not good, and shows nothing of why', async () => {
  const health = createHealth();
  health.register('throws', () => {
    throw new Error('postgres://u:secret@db');
  });
  health.register('rejects', () => Promise.reject(new Error('secret')));
  health.register('hangs', () => new Promise(() => {}));
  const { ok, checks } = await health.readyz();
  assert.equal(ok, false);
  assert.ok(Object.values(checks).every((check) => !check.ok));
  assert.ok(!JSON.stringify(checks).includes('secret'));
});

test('those who ask at once share one answer', async () => {
  const health = createHealth();
  let calls = 0;
  health.register('database', async () => {
    calls += 1;
    return { ok: true };
  });
  await Promise.all(Array.from({ length: 50 }, health.readyz));
  assert.equal(calls, 1);
});
