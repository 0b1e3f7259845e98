import assert from 'node:assert/strict';
import { on, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startContractServer } from './contract-server.fixture.ts';
import { runCli, spawnCli } from './run-cli.fixture.ts';

const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-submit-'));
let server: Awaited<ReturnType<typeof startContractServer>>;
before(async () => {
  server = await startContractServer();
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const fileOf = async (name: string, text: string): Promise<string> => {
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
};
const run = (args: readonly string[], stdin = '') => runCli(args, { url: server.url, stdin });
const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const bodies = () => server.seen.filter(({ line }) => line.endsWith('/run'));

test('one input: its id, and its bytes as they are', async () => {
  const input = '{ "n": 12345678901234567890 }';
  const ran = await run(['submit', 'echo', input, '--low-priority', '--ttl', '20000']);
  assert.equal(ran.code, 0, ran.err);
  assert(server.jobs.has(ran.out.trim()));
  assert.equal(
    bodies().at(-1)?.body,
    `{"input":${input},"policy":{"ttl":20000,"lowPriority":true}}`,
  );
});

test('a start time, as a time or as ms, and nothing that is neither', async () => {
  for (const [given, sent] of [
    ['2026-12-01T08:00:00+01:00', '"2026-12-01T08:00:00+01:00"'],
    ['1764576000000', '1764576000000'],
  ] as const) {
    const ran = await run(['submit', 'echo', '1', '--start-after', given]);
    assert.equal(ran.code, 0, ran.err);
    assert.equal(bodies().at(-1)?.body, `{"input":1,"policy":{"startAfter":${sent}}}`);
  }
  const ran = await run(['submit', 'echo', '1', '--start-after', 'tomorrow']);
  assert.equal(ran.code, 2);
  assert.match(ran.err, /2026-12-01T08:00:00Z/);
});

test('standard input, webhook, s3Config from a file, and the key of the caller', async () => {
  const secrets = await fileOf('s3.json', '{"accessSecret":"hush"}');
  const options = ['--webhook', 'http://x.example/', '--s3-config-file', secrets];
  const args = ['submit', 'echo', '-', ...options, '--idempotency-key', 'mine', '--json'];
  const first = await run(args, '[1]\n');
  const second = await run(args, '[1]\n');
  assert.deepEqual([first.code, second.code], [0, 0], first.err);
  assert.equal(JSON.parse(first.out).id, JSON.parse(second.out).id);
  const { body = '' } = bodies().at(-1) ?? {};
  assert.match(body, /^\{"input":\[1\]\n,"webhook":"http:\/\/x.example\/","s3Config"/);
});

test('--wait shows the end, exact in --json, and its exit code', async () => {
  const good = await run(['submit', 'echo', '1e400', '--wait', '--json']);
  assert.equal(good.code, 0);
  assert.match(good.out, /"status":"COMPLETED","delayTime":12,"output":1e400\}\n$/);
  const bad = await run(['submit', 'echo', '"fail"', '--wait']);
  assert.equal(bad.code, 1);
  assert.match(bad.out, /status +FAILED/);
  assert.match(bad.out, /error +no\\u001B\[2J luck\n/);
});

test('many inputs: progress on standard error, ids in order, then the summary', async () => {
  const texts = Array.from({ length: 200 }, (_, at) => `{"at":${at}}`);
  const file = await fileOf('many.ndjson', `${texts.join('\r\n')}\n\n`);
  const queued = await run(['submit', 'echo', '--file', file]);
  assert.equal(queued.code, 0, queued.err);
  assert.deepEqual(
    lines(queued.out).map((id) => server.jobs.get(id)?.raw.trim()),
    texts,
  );
  assert.match(queued.err, /submitted 200\/200\n$/);
  const waited = await run(['submit', 'echo', '--ndjson', '-', '--wait'], texts.join('\n'));
  assert.equal(waited.code, 0);
  assert.equal(waited.out, '200 jobs: 200 COMPLETED\n');
  assert.match(waited.err, /ended 200\/200\n$/);
});

test('jobs that fail make exit code 1 and are named', async () => {
  const file = await fileOf('some.ndjson', '1\n"fail"\n3');
  const ran = await run(['submit', 'echo', '--file', file, '--wait']);
  assert.equal(ran.code, 1);
  assert.match(
    ran.out,
    /^[0-9a-f-]{36} {2}FAILED {2}no\\u001B\[2J luck\n3 jobs: 2 COMPLETED, 1 FAILED\n$/,
  );
  const json = await run(['submit', 'echo', '--file', file, '--wait', '--json']);
  assert.equal(json.code, 1);
  assert.deepEqual(
    lines(json.out)
      .map((line) => JSON.parse(line).status)
      .sort(),
    ['COMPLETED', 'COMPLETED', 'FAILED'],
  );
});

test('an input at fault is told by its line, and the others go on', async () => {
  const file = await fileOf('bad.ndjson', '1\n{oops\n"refuse"\n4\n');
  const ran = await run(['submit', 'echo', '--file', file]);
  assert.equal(ran.code, 1);
  assert.equal(lines(ran.out).length, 2);
  assert.match(ran.err, /line 2 is not JSON: expected .* at byte 1\./);
  assert.match(ran.err, /line 3: The input is refused\. \(request\.invalid\)/);
  assert.match(ran.err, /2 inputs were refused\./);
});

test('--base64 wraps files, with what all inputs have in common', async () => {
  const one = await fileOf('one.jpg', 'abc');
  const two = await fileOf('two.jpg', 'defg');
  const ran = await run(['submit', 'echo', '{"sizes":[1.0]}', '--base64', one, two, '--json']);
  assert.equal(ran.code, 0, ran.err);
  const raws = lines(ran.out).map((line) => server.jobs.get(JSON.parse(line).id)?.raw);
  assert.deepEqual(raws, ['{"image":"YWJj","sizes":[1.0]}', '{"image":"ZGVmZw==","sizes":[1.0]}']);
});

test('--input-file sends a file whole, and several as several jobs', async () => {
  const one = await fileOf('one.json', '{\n  "a": 1\n}\n');
  const single = await run(['submit', 'echo', '--input-file', one]);
  assert.equal(server.jobs.get(single.out.trim())?.raw, '{\n  "a": 1\n}\n');
  const several = await run(['submit', 'echo', '--input-file', one, '--input-file', one]);
  assert.equal(lines(several.out).length, 2);
});

test('what cannot be submitted is told at once, with exit code 2', async () => {
  const secrets = await fileOf('wrong.json', '{"accessSecret":["hush"]}');
  const before = server.seen.length;
  const ran = await run(['submit', 'echo', '1', '--ttl', '5', '--s3-config-file', secrets]);
  assert.equal(ran.code, 2);
  assert.match(ran.err, /policy\.ttl must be an integer >= 10000/);
  assert.match(ran.err, /must hold a JSON object of texts/);
  assert.doesNotMatch(ran.err, /hush/);
  const usages = [
    ['submit', 'echo'],
    ['submit', 'echo', '1', '--file', 'x'],
    ['submit', 'echo', '{"a":'],
    ['submit', 'echo', '--file', path.join(folder, 'none')],
    ['submit', 'echo', '[]', '--base64', secrets],
    ['submit', 'ECHO!', '1'],
    ['submit', 'echo', '1', '--concurrency', '0'],
  ];
  for (const args of usages) {
    const { code, err } = await run(args);
    assert.equal(code, 2, args.join(' '));
    assert.notEqual(err, '');
  }
  assert.equal(server.seen.length, before);
});

test('a refusal of the server is exit code 1 with its sentence and code', async () => {
  const ran = await run(['submit', 'nowhere', '1']);
  assert.equal(ran.code, 1);
  assert.equal(ran.err, 'switchyard: There is no such endpoint. (endpoint.not_found)\n');
  const many = await run(['submit', 'nowhere', '--file', '-'], '1\n2\n3\n');
  assert.equal(many.code, 1);
  assert.match(many.err, /0 jobs were accepted/);
});

test('SIGINT ends a wait, and prints what had not ended', async () => {
  const child = spawnCli(['submit', 'echo', '"hold"', '--wait'], { url: server.url });
  child.stdin.end();
  for await (const [line] of on(server.calls, 'call')) {
    if (String(line).includes('status-sync')) break;
  }
  child.kill('SIGINT');
  const out: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => out.push(part));
  await once(child, 'close');
  assert.equal(child.exitCode, 130);
  assert(server.jobs.has(String(Buffer.concat(out)).trim()));
});
