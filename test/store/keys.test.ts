import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type EndpointId, SCOPES } from '@switchyard/contracts';
import {
  createKey,
  createKeyRing,
  deleteKey,
  type KeyCheck,
  listKeys,
  mayUse,
  newKey,
  openStore,
  readKeys,
  revokeKey,
  StoreUnavailable,
} from '@switchyard/store';
import { freePort } from '../support/free-port.ts';
import { withStore } from '../support/store.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());

const make = async (name: string, more: { endpoints?: EndpointId[]; expiresAt?: Date } = {}) => {
  const made = newKey();
  const { keyId, hash } = made;
  const record = await createKey(store, {
    ...{ keyId, hash, name, scopes: ['submit', 'read'], endpoints: more.endpoints ?? null },
    expiresAt: more.expiresAt ?? null,
  });
  return { ...made, record };
};

const readOne = async (keyId: string) => (await readKeys(store, [keyId])).get(keyId);

const codeOf = (check: KeyCheck): string => (check.ok ? 'ok' : check.problem.code);

describe('keys', () => {
  test('are stored by their hash alone', async () => {
    const { key, keyId, hash, record } = await make('ci');
    assert.match(key, /^sy_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
    const stored = await readOne(keyId);
    assert.deepEqual(stored, { keyId, hash, scopes: ['submit', 'read'], endpoints: null });
    const dump = JSON.stringify([
      await sql('select * from api_keys'),
      await listKeys(store),
      record,
    ]);
    assert(!dump.includes(key) && !dump.includes(key.slice(-20)));
    const again = createKey(store, {
      keyId,
      hash,
      name: 'x',
      scopes: [],
      endpoints: null,
      expiresAt: null,
    });
    await assert.rejects(again, /duplicate key/);
  });

  test('end by being revoked, by their time, or with their worker', async () => {
    const { keyId } = await make('revoked');
    const revoked = await revokeKey(store, keyId);
    assert(revoked?.revokedAt);
    assert.equal(await readOne(keyId), undefined);
    assert.deepEqual(await revokeKey(store, keyId), revoked, 'the first time stays');
    assert.equal(await revokeKey(store, 'unknown'), undefined);
    const past = await make('expired', { expiresAt: new Date(Date.now() - 1_000) });
    assert.equal(await readOne(past.keyId), undefined);
    const future = await make('future', { expiresAt: new Date(Date.now() + 60_000) });
    assert.equal((await readOne(future.keyId))?.keyId, future.keyId);
    await deleteKey(store, future.keyId);
    assert.equal(await readOne(future.keyId), undefined);
    const names = (await listKeys(store)).map(({ name }) => name);
    assert.deepEqual(names.slice(0, 2), ['expired', 'revoked'], 'the newest first');
  });
});

/** The store, and how many statements were asked of it. */
const counting = () => {
  let asked = 0;
  const run = ((statement, values) => {
    asked += 1;
    return store.run(statement, values);
  }) as typeof store.run;
  return { counted: { ...store, run }, asked: () => asked };
};

describe('the ring of keys', () => {
  test('knows a key with and without its scheme, and refuses whatever else', async () => {
    const ring = createKeyRing(store, undefined);
    const { key, keyId } = await make('client', { endpoints: ['mine' as EndpointId] });
    for (const header of [key, `Bearer ${key}`, `bearer ${key}`]) {
      const check = await ring.check(header);
      assert(check.ok);
      assert.equal(check.principal.keyId, keyId);
      assert.deepEqual([...check.principal.scopes], ['submit', 'read']);
      assert.equal(mayUse(check.principal, 'mine' as EndpointId), true);
      assert.equal(mayUse(check.principal, 'other' as EndpointId), false);
    }
    for (const header of [undefined, '', 'Bearer ', 'x'.repeat(2_000)]) {
      assert.equal(codeOf(await ring.check(header)), 'auth.missing');
    }
    const wrong = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
    for (const header of [wrong, 'sy_', `Basic ${key}`, newKey().key, `${key} x`, '🚚']) {
      assert.equal(codeOf(await ring.check(header)), 'auth.invalid', header);
    }
  });

  test('gives the key of the configuration every scope at every endpoint', async () => {
    const ring = createKeyRing(store, 'from-the-configuration');
    const check = await ring.check('Bearer from-the-configuration');
    assert(check.ok);
    assert.deepEqual([...check.principal.scopes].toSorted(), [...SCOPES].toSorted());
    assert(mayUse(check.principal, 'any' as EndpointId));
    assert.equal(codeOf(await ring.check('from-the-configuratioN')), 'auth.invalid');
  });

  test('hears of a revoked key at once when told, and within a second when not', async () => {
    const [told, other] = [createKeyRing(store, undefined), createKeyRing(store, undefined)];
    const { key, keyId } = await make('revoked');
    for (const ring of [told, other]) assert((await ring.check(key)).ok);
    await revokeKey(store, keyId);
    const revokedMs = performance.now();
    told.forget(keyId);
    assert.equal(codeOf(await told.check(key)), 'auth.invalid');
    while ((await other.check(key)).ok) {
      assert(performance.now() - revokedMs < 1_000, 'a second has passed');
    }
  });

  test('asks the database once for many requests with a key', async () => {
    const { counted, asked } = counting();
    const ring = createKeyRing(counted, undefined);
    const { key } = await make('busy');
    const checks = await Promise.all(Array.from({ length: 100 }, () => ring.check(key)));
    assert(checks.every(({ ok }) => ok));
    for (let n = 0; n < 100; n += 1) assert((await ring.check(key)).ok);
    assert(asked() <= 2, `${asked()} times`);
  });

  test('asks for all unknown keys that come meanwhile with few statements', async () => {
    const { counted, asked } = counting();
    const ring = createKeyRing(counted, undefined);
    const checks = Array.from({ length: 500 }, () => ring.check(newKey().key));
    const { key } = await make('among them');
    checks.push(ring.check(key));
    const codes = (await Promise.all(checks)).map(codeOf);
    assert.equal(codes.pop(), 'ok');
    assert.deepEqual(new Set(codes), new Set(['auth.invalid']));
    assert(asked() <= 3, `${asked()} times`);
  });

  test('lets a known key in without a long wait while the database is frozen', async (t) => {
    let isFrozen = false;
    const ring = createKeyRing(
      {
        ...store,
        run: ((statement, values) =>
          isFrozen
            ? new Promise(() => undefined)
            : store.run(statement, values)) as typeof store.run,
      },
      undefined,
    );
    const { key } = await make('frozen');
    assert((await ring.check(key)).ok);
    isFrozen = true;
    let aheadMs = 1_000;
    const now = performance.now.bind(performance);
    t.mock.method(performance, 'now', () => now() + aheadMs);
    const askedMs = now();
    for (let n = 0; n < 10; n += 1) assert((await ring.check(key)).ok);
    assert(now() - askedMs < 1_000, 'only the first waits, and a quarter of a second');
    assert.equal(ring.known(key), undefined);
    aheadMs += 300_000;
    let isLetIn = false;
    void ring.check(key).then(() => {
      isLetIn = true;
    });
    await pause(300);
    assert(!isLetIn, 'five minutes later it waits for the database');
  });

  test('says that it does not know when the database is away', async () => {
    const url = `postgresql://postgres@127.0.0.1:${await freePort()}/none`;
    const away = openStore({ url, applicationName: 'test' });
    const ring = createKeyRing(away, 'bootstrap-key');
    await assert.rejects(ring.check(newKey().key), StoreUnavailable);
    assert((await ring.check('bootstrap-key')).ok, 'the key of the configuration needs no look');
    await away.close();
  });
});
