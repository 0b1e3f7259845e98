import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { loadOrCreateSecrets } from '@switchyard/runtime';
import { NEW_KEY, startContractServer } from './contract-server.fixture.ts';
import { createProgram } from './program.ts';
import { KEY, runCli, spawnCli } from './run-cli.fixture.ts';

const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-commands-'));
let server: Awaited<ReturnType<typeof startContractServer>>;
before(async () => {
  server = await startContractServer();
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const run = (...args: readonly string[]) => runCli(args, { url: server.url });
const submit = async (input: string): Promise<string> =>
  (await run('submit', 'echo', input)).out.trim();

const closedPort = async (): Promise<number> => {
  const once_ = createServer().listen(0, '127.0.0.1');
  await once(once_, 'listening');
  const { port } = once_.address() as AddressInfo;
  once_.close();
  await once(once_, 'close');
  return port;
};

test('status: for people and as the bytes of the server', async () => {
  const id = await submit('{"big":12345678901234567890}');
  const shown = await run('status', 'echo', id);
  assert.equal(shown.code, 0);
  assert.equal(
    shown.out,
    `id      ${id}\nstatus  COMPLETED\ndelay   12 ms\noutput  {"big":12345678901234567890}\n`,
  );
  const json = await run('status', 'echo', id, '--json');
  assert.match(json.out, /"output":\{"big":12345678901234567890\}\}\n$/);
});

test('wait: exit code 1 when any job ended other than COMPLETED', async () => {
  const [good, bad] = [await submit('1'), await submit('"fail"')];
  assert.equal((await run('wait', 'echo', good)).code, 0);
  const both = await run('wait', 'echo', good, bad);
  assert.equal(both.code, 1);
  assert.match(both.out, /2 jobs: 1 COMPLETED, 1 FAILED\n$/);
});

test('cancel, retry and purge tell the state that each job has then', async () => {
  const [held, failed] = [await submit('"hold"'), await submit('"fail"')];
  assert.equal((await run('cancel', 'echo', held)).out, `${held}  CANCELLED\n`);
  const retried = await run('retry', 'echo', held, failed);
  assert.equal(retried.code, 1);
  assert.equal(retried.out, `${failed}  IN_QUEUE\n`);
  assert.equal(retried.err, `switchyard: ${held}: Only a job that is FAILED. (job.wrong_state)\n`);
  assert.equal((await run('purge', 'echo')).out, '3 queued jobs cancelled\n');
});

test('endpoints: a table and the whole of one, without what a terminal would obey', async () => {
  const list = await run('endpoints');
  assert.equal(list.code, 0, list.err);
  assert.match(
    list.out,
    /^ID +NAME +TEMPLATE +WORKERS +SLOTS EACH +PAUSED\necho +Echo \\u001B\[31mred/,
  );
  assert.match((await run('endpoints', 'show', 'echo')).out, /limits\.maxConcurrent +-\n/);
  assert.equal(JSON.parse((await run('endpoints', 'list', '--json')).out)[0].id, 'echo');
  assert.equal((await run('endpoints', 'webhook-secret', 'echo')).out, 'whsec_once\n');
});

test('keys: the key itself is shown when it is made, and never else', async () => {
  const args = ['create', 'ci', '--scope', 'submit', 'read', '--endpoint', 'echo'];
  const made = await run('keys', ...args);
  assert.equal(made.code, 0, made.err);
  assert(made.out.includes(NEW_KEY));
  const sent = server.seen.find(({ line }) => line === 'POST /v1/keys');
  assert.deepEqual(JSON.parse(sent?.body ?? ''), {
    name: 'ci',
    scopes: ['submit', 'read'],
    endpoints: ['echo'],
  });
  const list = await run('keys');
  assert.match(list.out, /k1 +ci +submit read +all +- +-/);
  assert.doesNotMatch(list.out, /sy_/);
  assert.match((await run('keys', 'revoke', 'k1')).out, /2026-02-01/);
  assert.equal((await run('keys', 'create', 'ci')).code, 2);
  assert.equal((await run('keys', 'create', 'ci', '--scope', 'all')).code, 2);
});

test('deliveries: a line for each try', async () => {
  const list = await run('deliveries', 'echo', '--limit', '5');
  assert.match(list.out, /http:\/\/hooks\.example\/a +failed +1 +2026-\S+ +12 +503\n$/);
});

test('apply makes, changes and leaves', async () => {
  const file = path.join(folder, 'switchyard.yaml');
  await writeFile(
    file,
    'endpoints: { echo: {}, fresh: { name: New }, other: {}, away: { worker: { template: x } } }\n',
  );
  const first = await run('apply', '-f', file);
  assert.equal(first.code, 0, first.err);
  assert.match(first.out, /echo +unchanged\nfresh +created\nother +created\naway +created\n$/);
  await writeFile(file, 'endpoints: { fresh: { name: Newer } }\n');
  assert.deepEqual(JSON.parse((await run('apply', '-f', file, '--json')).out), [
    { id: 'fresh', outcome: 'changed' },
  ]);
  await writeFile(file, 'endpoints: { A: {}, b: { retentionMs: 1 }, c: { x: 1 } }\n');
  const bad = await run('apply', '-f', file);
  assert.equal(bad.code, 2);
  assert.match(bad.err, /endpoints\.b\.retentionMs must be an integer >= 1000/);
  assert.match(bad.err, /endpoints\.c has an unknown field "x"/);
  assert.equal((await run('apply', '-f', path.join(folder, 'none.yaml'))).code, 2);
});

test('a server that is not there is exit code 3, and is told', async () => {
  const url = `http://127.0.0.1:${await closedPort()}`;
  const ran = await runCli(['endpoints'], { url });
  assert.equal(ran.code, 3);
  assert.match(ran.err, /cannot be reached \(ECONNREFUSED\)\. Trying again in 1 s\./);
  assert.match(ran.err, /Is it running, and is SWITCHYARD_URL right\?\n$/);
});

test('a bad configuration is told whole, with exit code 2', async () => {
  const ran = await runCli(['endpoints'], { env: { SWITCHYARD_URL: 'ftp://x', PORT: 'x' } });
  assert.equal(ran.code, 2);
  assert.equal(ran.err.trim().split('\n').length, 2);
  assert.match(ran.err, /SWITCHYARD_URL must/);
  assert.match(ran.err, /PORT must/);
  const odd = await runCli(['endpoints'], { url: server.url, env: { SWITCHYARD_APIKEY: KEY } });
  assert.equal(odd.code, 0);
  assert.match(odd.err, /"SWITCHYARD_APIKEY" is not a known name; did you mean SWITCHYARD_API_KEY/);
  assert.doesNotMatch(odd.err, new RegExp(KEY));
});

test('the generated key is used for a server on this machine only, and never made', async () => {
  const options = { cwd: folder, env: { SWITCHYARD_URL: server.url } };
  const without = await runCli(['endpoints'], options);
  assert.equal(without.code, 2);
  assert.match(without.err, /no generated key can be read in \.switchyard/);
  const { apiKey } = await loadOrCreateSecrets(path.join(folder, '.switchyard'));
  const refused = await runCli(['endpoints'], options);
  assert.equal(refused.code, 1);
  assert.equal(server.seen.at(-1)?.headers.authorization, `Bearer ${apiKey}`);
  assert(!`${refused.out}${refused.err}`.includes(apiKey));
  const far = await runCli(['endpoints'], {
    cwd: folder,
    env: { SWITCHYARD_URL: 'http://a.test' },
  });
  assert.equal(far.code, 2);
});

test('help and version are exit code 0, what is not a command 2', async () => {
  const commands = createProgram().commands;
  assert(commands.length >= 16, `${commands.length} commands`);
  for (const command of commands) {
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) });
    command.outputHelp();
    const isGroup = command.commands.length > 0;
    if (!isGroup) assert.match(help, /Examples?:\n {2}\$ .*switchyard /, command.name());
  }
  assert.equal((await runCli(['submit', '--help'])).code, 0);
  assert.match((await runCli(['--version'])).out, /^\d+\.\d+\.\d+\n$/);
  assert.equal((await runCli([])).code, 2);
  assert.equal((await runCli(['nothing'])).code, 2);
  assert.equal((await runCli(['status', 'echo', 'nothing'])).code, 2);
  assert.equal((await runCli(['migrate'])).code, 2);
});

test('a database that is not there is exit code 3, without its password', async () => {
  const DATABASE_URL = `postgres://me:hush@127.0.0.1:${await closedPort()}/x`;
  const ran = await runCli(['migrate'], { env: { DATABASE_URL } });
  assert.equal(ran.code, 3);
  assert.match(ran.err, /The database cannot be reached: .*ECONNREFUSED/);
  assert.doesNotMatch(ran.err, /hush/);
});

test('migrate makes the streams on a broker, and again does nothing', async () => {
  const BROKER_URL = process.env.TEST_NATS_URL ?? '';
  for (const _ of ['first', 'again']) {
    const ran = await runCli(['migrate', '--json'], { env: { BROKER_URL } });
    assert.equal(ran.code, 0, ran.err);
    const declared = ['SWITCHYARD_SUBMIT', 'SWITCHYARD_EVENTS', 'SWITCHYARD_DEAD'];
    assert.deepEqual(JSON.parse(ran.out), { declared });
  }
});

test('a broker that cannot be used is told without its password', async () => {
  const refused = await runCli(['migrate'], { env: { BROKER_URL: 'nats://me:hush@[' } });
  assert.notEqual(refused.code, 0);
  assert.doesNotMatch(refused.out + refused.err, /hush/);
});

test('a reader that stops reading does not crash the command', async () => {
  const child = spawnCli(['--help'], { url: server.url });
  child.stdout.destroy();
  const err: Buffer[] = [];
  child.stderr.on('data', (part: Buffer) => err.push(part));
  const list = spawnCli(['endpoints'], { url: server.url });
  list.stdout.destroy();
  list.stderr.on('data', (part: Buffer) => err.push(part));
  await Promise.all([once(child, 'close'), once(list, 'close')]);
  assert.deepEqual([child.exitCode, list.exitCode], [0, 0]);
  assert.equal(String(Buffer.concat(err)), '');
});
