import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { ROOT_KEY, startIntake } from './start-intake.ts';

const BIN = path.join(import.meta.dirname, '../../packages/cli/bin/switchyard.mjs');

const intake = await startIntake();
const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-bulk-'));
after(async () => {
  await intake[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});
await intake.makeEndpoint('echo');

/** Runs `switchyard submit echo …` with `stdin`. */
const submit = async (args: readonly string[], stdin = '') => {
  const child = spawn(process.execPath, [BIN, 'submit', 'echo', ...args], {
    env: { ...process.env, SWITCHYARD_URL: intake.url, SWITCHYARD_API_KEY: ROOT_KEY },
  });
  child.stdin.end(stdin);
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { out, err, code };
};

test('the command submits a file, or standard input, and prints ids in order', async () => {
  const file = path.join(folder, 'jobs.ndjson');
  await writeFile(file, '{"input":1}\n\n{"input":2,"policy":{"lowPriority":true}}\n');
  const ran = await submit(['--bulk', file, '--idempotency-key', 'cli']);
  assert.equal(ran.code, 0, ran.err);
  const ids = ran.out.trimEnd().split('\n');
  assert.equal(ids.length, 2);
  assert.match(ran.err, /submitted 2\/2/);
  const again = await submit(['--bulk', '-', '--idempotency-key', 'cli', '--json'], '{"input":1}');
  assert.deepEqual(JSON.parse(again.out), { id: ids[0], status: 'IN_QUEUE' });
  const { json } = await intake.send(`GET /v2/echo/status/${ids[1]}`);
  assert.equal(json.switchyard.priority, 'low');
});

test('the command tells which lines are refused, and exits 1', async () => {
  const ran = await submit(['--bulk', '-'], '{"input":1}\n{"inp":2}\n{"input":3}\n');
  assert.equal(ran.code, 1, ran.err);
  assert.equal(ran.out.trimEnd().split('\n').length, 2);
  assert.match(ran.err, /line 2: .*"input".* \(request\.invalid\)/);
  assert.match(ran.err, /1 lines were refused/);
});

test('the command takes no other input or setting, and no file that is not there', async () => {
  for (const args of [
    ['--bulk', '-', '1'],
    ['--bulk', '-', '--ttl', '20000'],
    ['--bulk', '-', '--low-priority'],
    ['--bulk', path.join(folder, 'missing.ndjson')],
  ]) {
    const ran = await submit(args);
    assert.equal(ran.code, 2, `${args.join(' ')}: ${ran.err}`);
  }
});
