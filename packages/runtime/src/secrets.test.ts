import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { loadOrCreateSecrets, SECRETS_FILE_NAME, SecretsError } from './secrets.ts';

const inDirectory = async (use: (dataDir: string) => Promise<void>): Promise<void> => {
  const parent = await mkdtemp(path.join(os.tmpdir(), 'switchyard-secrets-'));
  try {
    await use(path.join(parent, 'data dir'));
  } finally {
    await rm(parent, { recursive: true });
  }
};

test('the first call makes secrets, and later ones read the same', () =>
  inDirectory(async (dataDir) => {
    const first = await loadOrCreateSecrets(dataDir);
    const second = await loadOrCreateSecrets(dataDir);
    assert.equal(first.created, true);
    assert.deepEqual(second, { ...first, created: false });
    assert.match(first.apiKey, /^sy_[A-Za-z0-9_-]{43}$/);
    assert.deepEqual(
      first.masterKeys.map((key) => key.length),
      [32],
    );
  }));

test('only the owner may read them', () =>
  inDirectory(async (dataDir) => {
    await loadOrCreateSecrets(dataDir);
    const file = path.join(dataDir, SECRETS_FILE_NAME);
    assert.equal((await stat(dataDir)).mode & 0o777, 0o700);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await chmod(file, 0o644);
    await loadOrCreateSecrets(dataDir);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  }));

test('of many starts at once one makes them, all get the same, and no draft stays', () =>
  inDirectory(async (dataDir) => {
    const all = await Promise.all(Array.from({ length: 20 }, () => loadOrCreateSecrets(dataDir)));
    assert.equal(all.filter(({ created }) => created).length, 1);
    assert.equal(new Set(all.map(({ apiKey }) => apiKey)).size, 1);
    assert.deepEqual(await readdir(dataDir), [SECRETS_FILE_NAME]);
  }));

test('a damaged file is refused, kept, and not shown', () =>
  inDirectory(async (dataDir) => {
    const { apiKey } = await loadOrCreateSecrets(dataDir);
    const file = path.join(dataDir, SECRETS_FILE_NAME);
    for (const text of ['', 'null', '{}', `{"apiKey":"${apiKey}","masterKeys":["AAAA"]}`]) {
      await writeFile(file, text);
      await assert.rejects(loadOrCreateSecrets(dataDir), (error: unknown) => {
        assert.ok(error instanceof SecretsError);
        assert.ok(error.message.includes('damaged') && !error.message.includes(apiKey));
        return true;
      });
      assert.equal(await readFile(file, 'utf8'), text);
    }
  }));

test('a data directory that is a file is one clear sentence', () =>
  inDirectory(async (dataDir) => {
    await writeFile(dataDir, '');
    await assert.rejects(loadOrCreateSecrets(dataDir), SecretsError);
  }));
