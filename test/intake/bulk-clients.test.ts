import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { ApiError, createClient, UnreachableError } from '@switchyard/sdk';
import { ROOT_KEY, startIntake } from './start-intake.ts';

const BIN = path.join(import.meta.dirname, '../../packages/cli/bin/switchyard.mjs');

const intake = await startIntake();
const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-bulk-'));
after(async () => {
  await intake[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});
await intake.makeEndpoint('echo');
const client = createClient({ baseUrl: intake.url, apiKey: ROOT_KEY });

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

async function* linesOf(count: number): AsyncGenerator<Buffer, void> {
  for (let n = 0; n < count; n += 1) yield Buffer.from(`{"input":${n}}\n`);
}

test('the client tells of each line while it still sends others', async () => {
  let sent = 0;
  const gate = Promise.withResolvers<void>();
  async function* body(): AsyncGenerator<Buffer, void> {
    yield Buffer.from('{"input":0}\n{"input');
    await gate.promise;
    yield Buffer.from('":1}\n{"inp":1}\n');
    sent += 1;
  }
  const answers = client.runLines('echo', body());
  const first = await answers.next();
  assert.equal(sent, 0);
  assert.equal(first.value?.status, 'IN_QUEUE');
  gate.resolve();
  assert.equal((await answers.next()).value?.status, 'IN_QUEUE');
  const { value } = await answers.next();
  assert.ok(value && 'code' in value);
  assert.deepEqual([value.line, value.code], [3, 'request.invalid']);
  assert.equal((await answers.next()).done, true);
});

test('the client sends a key along, and 5,000 lines twice are 5,000 jobs', async () => {
  const ids = async () => {
    const found: string[] = [];
    for await (const answer of client.runLines('echo', linesOf(5_000), { idempotencyKey: 'k' })) {
      assert.ok(!('code' in answer));
      found.push(answer.id);
    }
    return found;
  };
  const first = await ids();
  assert.equal(new Set(first).size, 5_000);
  assert.deepEqual(await ids(), first);
});

test('the client throws what any other call throws', async () => {
  await assert.rejects(client.runLines('nowhere', linesOf(1)).next(), (error) => {
    assert.ok(error instanceof ApiError);
    return error.code === 'endpoint.not_found';
  });
  const nobody = createClient({ baseUrl: 'http://127.0.0.1:1', apiKey: 'k' });
  await assert.rejects(nobody.runLines('echo', linesOf(1)).next(), UnreachableError);
  const stopped = AbortSignal.abort(new Error('enough'));
  await assert.rejects(client.runLines('echo', linesOf(1), { signal: stopped }).next(), /enough/);
});

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

test('the command takes no other input or setting beside, and no file that is not there', async () => {
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
