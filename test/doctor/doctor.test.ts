import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { after, test } from 'node:test';
import { createSealer, makeSealCheck } from '@switchyard/runtime';
import { keepSealCheck, migrate, openStore } from '@switchyard/store';
import { withDatabase } from '../support/database.ts';
import { freePort } from '../support/free-port.ts';
import { REPOSITORY } from '../support/start-switchyard.ts';

const database = await withDatabase();
after(() => database.close());
const PASSWORD = 'hush-of-the-database';
const databaseUrl = new URL(database.url);
databaseUrl.password = PASSWORD;

type Finding = { readonly code: string; readonly level: string; readonly remedy?: string };
type Said = { readonly exitCode: number; readonly text: string; readonly findings: Finding[] };

/** Runs `switchyard doctor --json`, with nobody at its server and its gateway. */
const examine = async (env: Readonly<Record<string, string>>): Promise<Said> => {
  const bin = path.join(REPOSITORY, 'packages/cli/bin/switchyard.mjs');
  const all = {
    PATH: process.env.PATH ?? '',
    DATABASE_URL: databaseUrl.href,
    SWITCHYARD_URL: `http://127.0.0.1:${await freePort()}`,
    WORKER_PORT: String(await freePort()),
    SWITCHYARD_API_KEY: 'key-of-nobody-in-particular',
    ...env,
  };
  const { promise, resolve } = Promise.withResolvers<Said>();
  execFile(process.execPath, [bin, 'doctor', '--json'], { env: all }, (error, out, err) => {
    const exitCode = Number(error?.code ?? 0);
    resolve({ exitCode, text: out + err, findings: JSON.parse(out).findings });
  });
  return promise;
};

/** But for that a Postgres of one test file alone does without fsync. */
const errorsIn = ({ findings }: Said): string[] =>
  findings
    .filter(({ level }) => level === 'error')
    .map(({ code }) => code)
    .filter((code) => code !== 'database.not_durable');

test('a database without schema, and with that of another master key, is told so', async () => {
  const key = randomBytes(32);
  const away = ['server.unreachable', 'gateway.unreachable'];
  const empty = await examine({ SWITCHYARD_MASTER_KEY: key.toString('base64') });
  assert.equal(empty.exitCode, 1);
  assert.deepEqual(errorsIn(empty), ['schema.old', ...away]);

  await migrate(database.url);
  const store = openStore({ url: database.url, applicationName: 'test' });
  await keepSealCheck(store, makeSealCheck(createSealer([key])));
  await store.close();
  const right = await examine({ SWITCHYARD_MASTER_KEY: key.toString('base64') });
  assert.deepEqual(errorsIn(right), away);
  const other = randomBytes(32).toString('base64');
  const wrong = await examine({ SWITCHYARD_MASTER_KEY: other });
  assert.deepEqual(errorsIn(wrong), ['master_key.wrong', ...away]);
  const rotated = await examine({ SWITCHYARD_MASTER_KEY: `${other},${key.toString('base64')}` });
  assert.deepEqual(errorsIn(rotated), away);

  for (const said of [empty, right, wrong, rotated]) {
    for (const secret of [PASSWORD, other, key.toString('base64'), 'key-of-nobody']) {
      assert.ok(!said.text.includes(secret), 'a secret is shown');
    }
    const silent = said.findings.filter(({ level, remedy }) => level !== 'fine' && !remedy);
    assert.deepEqual(silent, [], 'each finding says what to do');
  }
});

test('what cannot be reached at all is a finding, not a failure of the command', async () => {
  const port = await freePort();
  const said = await examine({
    DATABASE_URL: `postgres://me:${PASSWORD}@127.0.0.1:${port}/x`,
    BROKER_URL: `nats://me:${PASSWORD}@127.0.0.1:${port}`,
    SWITCHYARD_MASTER_KEY: randomBytes(32).toString('base64'),
  });
  assert.equal(said.exitCode, 1);
  assert.deepEqual(errorsIn(said), [
    ...['database.unreachable', 'broker.unavailable'],
    ...['server.unreachable', 'gateway.unreachable'],
  ]);
  assert.ok(!said.text.includes(PASSWORD));
});
