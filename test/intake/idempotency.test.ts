import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { uuidOf } from '@switchyard/contracts';
import { claim, finish } from './play-worker.ts';
import { readRows } from './read-rows.ts';
import { startIntake } from './start-intake.ts';

const intake = await startIntake();
after(() => intake[Symbol.asyncDispose]());
const echo = await intake.makeEndpoint('echo');
await intake.makeEndpoint('other');
const { send } = intake;

const runWith = (key: string, body: string, endpoint = 'echo', verb = 'run') =>
  send(`POST /v2/${endpoint}/${verb}`, { body, headers: { 'idempotency-key': key } });

test('the same key and body is the same job, another body is 422', async () => {
  const first = await runWith('a', '{"input":1}');
  const again = await runWith('a', '{"input":1}');
  assert.equal(again.status, 200);
  assert.deepEqual(again.json, first.json);
  const other = await runWith('a', '{"input": 1,"s3Config":{"accessSecret":"canary"}}');
  assert.equal(other.status, 422);
  assert.equal(other.json.code, 'idempotency.mismatch');
  assert.doesNotMatch(other.text, /canary/);
  assert.equal((await send('GET /v2/echo/health')).json.jobs.inQueue, 1);
});

test('keys belong to the endpoint', async () => {
  const here = await runWith('b', '{"input":1}');
  const there = await runWith('b', '{"input":2}', 'other');
  assert.equal(there.status, 200);
  assert.notEqual(there.json.id, here.json.id);
});

test('a repeat tells the state that the job has by now', async () => {
  await send('POST /v2/echo/purge-queue');
  const { json } = await runWith('c', '{"input":1}');
  await claim(intake, echo);
  assert.deepEqual((await runWith('c', '{"input":1}')).json, {
    id: json.id,
    status: 'IN_PROGRESS',
  });
  await finish(intake, echo, json.id, { output: '{"n": 1.0}' });
  assert.equal((await runWith('c', '{"input":1}')).json.status, 'COMPLETED');
  const sync = await runWith('c', '{"input":1}', 'echo', 'runsync');
  assert.equal(sync.json.id, json.id);
  assert.match(sync.text, /"output":\{"n": 1\.0\}/);
});

test('fifty at once with one key make one job', async () => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => runWith('d', '{"input":"d"}')),
  );
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal(new Set(answers.map(({ json }) => json.id)).size, 1);
});

test('fifty at once with one key and two bodies make one job', async () => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => runWith('e', `{"input":${i % 2}}`)),
  );
  const taken = answers.filter(({ status }) => status === 200);
  assert.equal(taken.length, 25);
  assert.equal(new Set(taken.map(({ json }) => json.id)).size, 1);
  assert.equal(answers.filter(({ status }) => status === 422).length, 25);
});

test('a key is 1 to 255 visible ASCII characters', async () => {
  assert.equal((await runWith('k'.repeat(255), '{"input":1}')).status, 200);
  for (const key of ['', 'k'.repeat(256), 'a b', 'é', 'a\tb']) {
    const answer = await runWith(key, '{"input":1}');
    assert.equal(answer.status, 400, key);
    assert.match(answer.json.detail, /255/);
  }
});

test('a full queue still answers repeats of what it holds', async () => {
  await intake.makeEndpoint('full', { limits: { maxQueued: 1 } });
  const first = await runWith('g', '{"input":1}', 'full');
  assert.deepEqual((await runWith('g', '{"input":1}', 'full')).json, first.json);
  const sync = await runWith('g', '{"input":1}', 'full', 'runsync?wait=1000');
  assert.equal(sync.json.id, first.json.id);
  assert.equal((await runWith('g', '{"input":2}', 'full')).status, 422);
  assert.equal((await runWith('h', '{"input":1}', 'full')).status, 429);
  assert.equal((await send('GET /v2/full/health')).json.jobs.inQueue, 1);
});

test('a repeat of a job that was deleted since says so, with its id', async () => {
  await intake.makeEndpoint('short', { retentionMs: 1_000 });
  const { json } = await runWith('f', '{"input":1}', 'short');
  const gone = [uuidOf(json.id)];
  for (const table of ['jobs', 'queue']) {
    await readRows(intake.databaseUrl, `delete from ${table} where job_id = $1::uuid`, gone);
  }
  while ((await send(`GET /v2/short/status/${json.id}`)).status !== 410);
  for (const verb of ['run', 'runsync']) {
    const again = await runWith('f', '{"input":1}', 'short', verb);
    assert.equal(again.status, 410, again.text);
    assert.equal(again.json.code, 'job.expired');
    assert.equal(again.json.id, json.id);
  }
});

test('nothing of this was worth a complaint in the log', () => {
  assert.deepEqual(intake.complaints, []);
});
