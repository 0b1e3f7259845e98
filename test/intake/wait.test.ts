import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type EndpointId, encodeFrame, type JobId, topics } from '@switchyard/contracts';
import { appendChunks, type Store, StoreUnavailable } from '@switchyard/store';
import { claim, finish, WORKER } from './play-worker.ts';
import { ROOT_KEY, startIntake, type TestIntake } from './start-intake.ts';

const intake = await startIntake();
after(() => intake[Symbol.asyncDispose]());
const { send } = intake;

const queueAndClaim = async (endpointId: EndpointId): Promise<JobId> => {
  await send(`POST /v2/${endpointId}/run`, { body: { input: 1 } });
  const [job] = await claim(intake, endpointId);
  assert.ok(job);
  return job.jobId;
};

/** Claims as soon as there is something to claim. */
const claimNext = async (from: TestIntake, endpointId: EndpointId) => {
  const stop = new AbortController();
  const nudged = Promise.withResolvers<void>();
  await from.broker.listen(topics.nudge(endpointId), () => nudged.resolve(), stop.signal);
  await nudged.promise;
  stop.abort();
  const [job] = await claim(from, endpointId);
  assert.ok(job);
  return job;
};

const tellChanged = (endpoint: EndpointId, job: JobId): void =>
  intake.broker.hint(topics.changed, Buffer.from(JSON.stringify({ endpoint, jobs: [job] })));

test('runsync answers with the result as soon as it is there', async () => {
  const endpointId = await intake.makeEndpoint('sync');
  const claimed = claimNext(intake, endpointId);
  const answer = send(`POST /v2/${endpointId}/runsync`, { body: { input: 1 } });
  const { jobId } = await claimed;
  await finish(intake, endpointId, jobId, { output: ' {"n" : 1e400, "n":0.10}' });
  tellChanged(endpointId, jobId);
  const { status, text, json } = await answer;
  assert.equal(status, 200);
  assert.match(jobId, /^sync-/);
  assert.equal(json.id, jobId);
  assert.equal(json.status, 'COMPLETED');
  assert.equal(json.workerId, WORKER);
  assert.ok(json.delayTime >= 0 && json.executionTime >= 0);
  assert.ok(text.includes('"output": {"n" : 1e400, "n":0.10}'), text);
});

test('runsync finds the result without any hint', async () => {
  const endpointId = await intake.makeEndpoint('sync-deaf');
  const claimed = claimNext(intake, endpointId);
  const answer = send(`POST /v2/${endpointId}/runsync?wait=5000`, { body: { input: 1 } });
  const { jobId } = await claimed;
  await finish(intake, endpointId, jobId, { error: '"no"' });
  const { json } = await answer;
  assert.equal(json.status, 'FAILED');
  assert.equal(json.error, 'no');
});

test('runsync and status-sync answer the status as it stands when the wait ends', async () => {
  const endpointId = await intake.makeEndpoint('sync-slow');
  const beforeMs = performance.now();
  const { json } = await send(`POST /v2/${endpointId}/runsync?wait=1000`, { body: { input: 1 } });
  assert.equal(json.status, 'IN_QUEUE');
  await claim(intake, endpointId);
  const later = await send(`GET /v2/${endpointId}/status-sync/${json.id}?wait=1000`);
  assert.equal(later.json.status, 'IN_PROGRESS');
  const tookMs = performance.now() - beforeMs;
  assert.ok(tookMs >= 1_990 && tookMs < 4_000, `${tookMs} ms`);
});

test('runsync and status-sync say why a job still waits when the wait ends', async () => {
  const endpointId = await intake.makeEndpoint('sync-paused');
  await send(`POST /v1/endpoints/${endpointId}/pause`, { body: {} });
  const { json } = await send(`POST /v2/${endpointId}/runsync?wait=1000`, { body: { input: 1 } });
  const waiting = { reason: 'The endpoint is paused.', position: 1 };
  assert.deepEqual(json.switchyard.waiting, waiting);
  const later = await send(`GET /v2/${endpointId}/status-sync/${json.id}?wait=1000`);
  assert.deepEqual(later.json.switchyard.waiting, waiting);
});

test('a wait ends with the status also where the database no longer says why', async () => {
  let away = false;
  const wrap = (store: Store): Store => ({
    ...store,
    runPinned: async (statement, values) => {
      if (away && statement.name === 'read_position') throw new StoreUnavailable(new Error('x'));
      return store.runPinned(statement, values);
    },
  });
  await using other = await startIntake({ wrap });
  await other.makeEndpoint('echo');
  away = true;
  const { status, json } = await other.send('POST /v2/echo/runsync?wait=1000', {
    body: { input: 1 },
  });
  assert.equal(status, 200);
  assert.equal(json.status, 'IN_QUEUE');
  assert.equal(json.switchyard.waiting, undefined);
});

test('status-sync of a job that has ended answers at once', async () => {
  const endpointId = await intake.makeEndpoint('sync-done');
  const jobId = await queueAndClaim(endpointId);
  await finish(intake, endpointId, jobId, { output: '1' });
  const { json } = await send(`GET /v2/${endpointId}/status-sync/${jobId}`);
  assert.equal(json.output, 1);
});

test('a wait out of bounds is a 400 that names them', async () => {
  const endpointId = await intake.makeEndpoint('sync-bounds');
  for (const wait of ['999', '300001', '1e3', '', '-1', '1000.5', '99999999999999999999']) {
    const answer = await send(`POST /v2/${endpointId}/runsync?wait=${wait}`, {
      body: { input: 1 },
    });
    assert.equal(answer.status, 400, wait);
    assert.match(answer.json.detail, /^wait .*1000 to 300000/);
  }
  assert.equal((await send(`GET /v2/${endpointId}/health`)).json.jobs.inQueue, 0);
});

test('a client that hangs up leaves its job alone', async () => {
  const endpointId = await intake.makeEndpoint('sync-gone');
  const claimed = claimNext(intake, endpointId);
  const hangUp = new AbortController();
  const lost = fetch(`${intake.url}/v2/${endpointId}/runsync`, {
    method: 'POST',
    body: '{"input":1}',
    headers: { authorization: ROOT_KEY, 'content-type': 'application/json' },
    signal: hangUp.signal,
  });
  const { jobId } = await claimed;
  hangUp.abort();
  await assert.rejects(lost);
  await finish(intake, endpointId, jobId, { output: '1' });
  assert.equal((await send(`GET /v2/${endpointId}/status/${jobId}`)).json.status, 'COMPLETED');
});

test('progress is the output of the claim that told it, while it runs', async () => {
  const endpointId = await intake.makeEndpoint('progress');
  const jobId = await queueAndClaim(endpointId);
  const tell = (worker: string, output: string): void =>
    intake.broker.hint(
      topics.progress,
      encodeFrame({ endpoint: endpointId, job: jobId, claimNo: null, worker }, [
        Buffer.from(output),
      ]),
    );
  const shown = async () => (await send(`GET /v2/${endpointId}/status/${jobId}`)).text;
  tell(WORKER, '{"done" : 0.50}');
  assert.match(await shown(), /"output":\{"done" : 0\.50\}/);
  tell('another-worker', '"not mine"');
  assert.doesNotMatch(await shown(), /"output"/);
  tell(WORKER, '"late"');
  await finish(intake, endpointId, jobId, { output: '"the end"' });
  assert.match(await shown(), /"output":"the end"/);
});

/** Appends chunks of the first claim of a job, the first one as number `seq`. */
const chunk = (endpointId: EndpointId, jobId: JobId, seq: number, outputs: readonly string[]) =>
  appendChunks(
    intake.store,
    endpointId,
    outputs.map((output, at) => ({
      jobId,
      workerId: WORKER,
      claimNo: 1,
      seq: seq + at,
      output: Buffer.from(output),
    })),
  );

test('chunks are handed out once, the last ones with the terminal status', async () => {
  const endpointId = await intake.makeEndpoint('stream');
  const jobId = await queueAndClaim(endpointId);
  const stream = (query = '') => send(`GET /v2/${endpointId}/stream/${jobId}${query}`);
  await chunk(endpointId, jobId, 0, ['{"n":1.0}']);
  assert.equal((await stream()).text, '{"status":"IN_PROGRESS","stream":[{"output":{"n":1.0}}]}');
  const waiting = stream();
  await chunk(endpointId, jobId, 1, ['"two"']);
  assert.equal((await waiting).text, '{"status":"IN_PROGRESS","stream":[{"output":"two"}]}');
  await chunk(endpointId, jobId, 2, ['3']);
  await finish(intake, endpointId, jobId, { error: '{"why" : 1}' });
  const last = '{"status":"FAILED","stream":[{"output":3}],"error":{"why" : 1}}';
  assert.equal((await stream()).text, last);
  assert.equal((await stream()).text, '{"status":"FAILED","stream":[],"error":{"why" : 1}}');
  const peeked = (await stream('?from=1')).json;
  assert.deepEqual(peeked.stream, [
    { output: 'two', switchyard: { claim: 1, index: 1 } },
    { output: 3, switchyard: { claim: 1, index: 2 } },
  ]);
  assert.equal((await stream('?from=-1')).status, 400);
});

test('more chunks than one answer holds come before the terminal status', async () => {
  const endpointId = await intake.makeEndpoint('stream-long');
  const jobId = await queueAndClaim(endpointId);
  const numbers = Array.from({ length: 1_500 }, (_, i) => String(i));
  await chunk(endpointId, jobId, 0, numbers);
  await finish(intake, endpointId, jobId, { output: '[]' });
  const first = (await send(`GET /v2/${endpointId}/stream/${jobId}`)).json;
  assert.equal(first.status, 'IN_PROGRESS');
  assert.equal(first.stream.length, 1_000);
  const second = (await send(`GET /v2/${endpointId}/stream/${jobId}`)).json;
  assert.equal(second.status, 'COMPLETED');
  assert.equal(second.stream.length, 500);
});

test('position and reason tell why a job waits', async () => {
  const endpointId = await intake.makeEndpoint('waiting');
  const run = async (policy = {}) =>
    (await send(`POST /v2/${endpointId}/run`, { body: { input: 1, policy } })).json.id;
  const low = await run({ lowPriority: true });
  const high = await run();
  const waitingOf = async (id: string) =>
    (await send(`GET /v2/${endpointId}/status/${id}`)).json.switchyard.waiting;
  assert.deepEqual(await waitingOf(high), { reason: 'There is no worker yet.', position: 1 });
  assert.deepEqual(await waitingOf(low), {
    reason: 'There is no worker yet, and low priority starts none.',
    position: 2,
  });
});

test('a stop answers those who wait with the status as it stands', async () => {
  await using own = await startIntake();
  const endpointId = await own.makeEndpoint('stopping');
  const claimed = claimNext(own, endpointId);
  const answer = own.send(`POST /v2/${endpointId}/runsync`, { body: { input: 1 } });
  await claimed;
  await own.stop();
  const { status, json } = await answer;
  assert.equal(status, 200);
  assert.equal(json.status, 'IN_PROGRESS');
  await assert.rejects(own.send('GET /healthz'));
});

test('a port that is taken is told by start, and a stop afterwards ends', async () => {
  const port = Number(new URL(intake.url).port);
  await assert.rejects(startIntake({ port }), /port \d+ on 127\.0\.0\.1 is in use/);
});

test('nothing of this was worth a complaint in the log', () => {
  assert.deepEqual(intake.complaints, []);
});

test('large results that are asked for together come whole, each', async () => {
  const endpointId = await intake.makeEndpoint('large-results');
  const ids: string[] = [];
  for (const letter of ['a', 'b']) {
    const run = await send(`POST /v2/${endpointId}/run`, { body: { input: 1 } });
    await claim(intake, endpointId);
    const output = `"${letter.repeat(9 * 1_048_576)}"`;
    await finish(intake, endpointId, run.json.id, { output });
    ids.push(run.json.id);
  }
  const paths = ids.flatMap((id) => [`status/${id}`, `status-sync/${id}`, `status/${id}`]);
  const answers = await Promise.all(paths.map((path) => send(`GET /v2/${endpointId}/${path}`)));
  assert.deepEqual(
    answers.map(({ json }) => [json.status, json.output?.length, json.output?.[0]]),
    [...'aaabbb'].map((letter) => ['COMPLETED', 9 * 1_048_576, letter]),
  );
});
