import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type EndpointId, newJobId, topics } from '@switchyard/contracts';
import { acceptJobs, deleteEndpoint } from '@switchyard/store';
import { claim, finish, WORKER } from './play-worker.ts';
import { readRows } from './read-rows.ts';
import { ROOT_KEY, startIntake } from './start-intake.ts';

const intake = await startIntake();
after(() => intake[Symbol.asyncDispose]());
const { send } = intake;

const queue = async (endpointId: EndpointId, count: number): Promise<string[]> => {
  const runs = Array.from({ length: count }, (_, i) =>
    send(`POST /v2/${endpointId}/run`, { body: { input: i } }),
  );
  return (await Promise.all(runs)).map(({ json }) => json.id);
};

/** The next hint on `topic` after `act`. */
const hintAfter = async (topic: string, act: () => Promise<unknown>): Promise<string> => {
  const stop = new AbortController();
  const heard = Promise.withResolvers<string>();
  const hear = ({ body }: { body: Uint8Array }) => heard.resolve(Buffer.from(body).toString());
  await intake.broker.listen(topic, hear, stop.signal);
  await act();
  const body = await heard.promise;
  stop.abort();
  return body;
};

test('a queued job is cancelled, by an empty body or by {}', async () => {
  const endpointId = await intake.makeEndpoint('cancel-queued');
  const [first = '', second = ''] = await queue(endpointId, 2);
  const empty = await send(`POST /v2/${endpointId}/cancel/${first}`, {
    headers: { 'content-type': 'application/json' },
  });
  assert.deepEqual(empty.json, { id: first, status: 'CANCELLED' });
  const braces = await send(`POST /v2/${endpointId}/cancel/${second}`, { body: {} });
  assert.deepEqual(braces.json, { id: second, status: 'CANCELLED' });
  const { json } = await send(`GET /v2/${endpointId}/status/${first}`);
  assert.equal(json.status, 'CANCELLED');
  assert.equal((await send(`GET /v2/${endpointId}/health`)).json.jobs.inQueue, 0);
});

test('a running job is cancelled, and its supervisor told to stop it', async () => {
  const endpointId = await intake.makeEndpoint('cancel-running');
  const [id = ''] = await queue(endpointId, 1);
  const [job] = await claim(intake, endpointId);
  assert.ok(job);
  const hint = await hintAfter(topics.stop, async () => {
    const { json } = await send(`POST /v2/${endpointId}/cancel/${id}`);
    assert.equal(json.status, 'CANCELLED');
  });
  assert.deepEqual(JSON.parse(hint), {
    endpoint: endpointId,
    stops: [{ worker: WORKER, job: id, claimNo: 1, reason: 'cancelled' }],
  });
  assert.equal((await finish(intake, endpointId, job.jobId, { output: '1' })).size, 0);
});

test('a job that has ended keeps its status when it is cancelled', async () => {
  const endpointId = await intake.makeEndpoint('cancel-late');
  await queue(endpointId, 1);
  const [job] = await claim(intake, endpointId);
  assert.ok(job);
  await finish(intake, endpointId, job.jobId, { output: '"private"' });
  const { status, json } = await send(`POST /v2/${endpointId}/cancel/${job.jobId}`);
  assert.equal(status, 200);
  assert.deepEqual(json, { id: job.jobId, status: 'COMPLETED' });
});

test('cancelling against a racing claim and result ends in one state', async () => {
  const endpointId = await intake.makeEndpoint('cancel-race');
  const ids = await queue(endpointId, 60);
  const work = async (): Promise<void> => {
    for (;;) {
      const jobs = await claim(intake, endpointId, 4);
      if (jobs.length === 0) return;
      for (const { jobId } of jobs) await finish(intake, endpointId, jobId, { output: 'true' });
    }
  };
  const cancels = ids.map((id) => send(`POST /v2/${endpointId}/cancel/${id}`));
  const [answers] = await Promise.all([Promise.all(cancels), work(), work()]);
  for (const { status, json, text } of answers) {
    assert.equal(status, 200, text);
    assert.match(json.status, /^(CANCELLED|COMPLETED)$/);
    const now = await send(`GET /v2/${endpointId}/status/${json.id}`);
    assert.equal(now.json.status, json.status);
  }
  const statement = 'select job_id from results where endpoint_id = $1';
  assert.equal((await readRows(intake.databaseUrl, statement, [endpointId])).length, 60);
});

test('a failed job is queued again under its id, one that completed is not', async () => {
  const endpointId = await intake.makeEndpoint('retry');
  const [id = ''] = await queue(endpointId, 1);
  const [job] = await claim(intake, endpointId);
  assert.ok(job);
  await finish(intake, endpointId, job.jobId, { error: '"no"' });
  assert.equal((await send(`GET /v2/${endpointId}/status/${id}`)).json.error, 'no');
  const retries = await Promise.all(
    Array.from({ length: 10 }, () => send(`POST /v2/${endpointId}/retry/${id}`)),
  );
  const good = retries.filter(({ status }) => status === 200);
  assert.equal(good.length, 1);
  assert.deepEqual(good[0]?.json, { id, status: 'IN_QUEUE' });
  const bad = retries.find(({ status }) => status === 409);
  assert.equal(bad?.json.code, 'job.wrong_state');
  const { json, text } = await send(`GET /v2/${endpointId}/status/${id}`);
  assert.equal(json.status, 'IN_QUEUE');
  assert.doesNotMatch(text, /error/);
  const [again] = await claim(intake, endpointId);
  assert.equal(again?.claimNo, 2);
  await finish(intake, endpointId, job.jobId, { output: '1' });
  const late = await send(`POST /v2/${endpointId}/retry/${id}`);
  assert.match(late.json.detail, /it is COMPLETED/);
  assert.equal((await send(`GET /v2/${endpointId}/health`)).json.jobs.retried, 1);
});

test('a purge cancels what is queued and nothing that runs', async () => {
  const endpointId = await intake.makeEndpoint('purge');
  await queue(endpointId, 30);
  await claim(intake, endpointId, 4);
  const purged = await send(`POST /v2/${endpointId}/purge-queue`, {
    headers: { 'content-type': 'application/json' },
  });
  assert.deepEqual(purged.json, { removed: 26, status: 'completed' });
  const { jobs } = (await send(`GET /v2/${endpointId}/health`)).json;
  assert.equal(jobs.inQueue, 0);
  assert.equal(jobs.inProgress, 4);
  assert.equal((await send(`POST /v2/${endpointId}/purge-queue`)).json.removed, 0);
});

test('a purge of more than one statement takes goes on without its client', async () => {
  const endpointId = await intake.makeEndpoint('purge-large');
  const jobs = Array.from({ length: 6_000 }, () => ({
    jobId: newJobId('async'),
    input: Buffer.from('1'),
    webhook: null,
    executionTimeoutMs: 600_000,
    startAtMs: null,
    ttlMs: 86_400_000,
    rank: 1 as const,
    secret: undefined,
    idempotency: undefined,
  }));
  await acceptJobs(intake.store, endpointId, 'test', 'http', jobs);
  const hangUp = new AbortController();
  const stop = new AbortController();
  // The first hint comes between the first statement and the second.
  await intake.broker.listen(topics.changed, () => hangUp.abort(), stop.signal);
  const purge = fetch(`${intake.url}/v2/${endpointId}/purge-queue`, {
    method: 'POST',
    headers: { authorization: ROOT_KEY },
    signal: hangUp.signal,
  });
  await assert.rejects(purge);
  stop.abort();
  const left = async () => (await send(`GET /v2/${endpointId}/health`)).json.jobs.inQueue;
  const doneByMs = performance.now() + 10_000;
  while ((await left()) > 0) assert.ok(performance.now() < doneByMs, 'the purge went on');
});

test('the pages of /requests hold every job once, newest first', async () => {
  const endpointId = await intake.makeEndpoint('pages');
  const ids = await queue(endpointId, 25);
  await claim(intake, endpointId, 5);
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const after = cursor === '' ? '' : `&cursor=${cursor}`;
    const { json } = await send(`GET /v2/${endpointId}/requests?limit=10${after}`);
    seen.push(...json.requests.map((request: { id: string }) => request.id));
    cursor = json.cursor;
  }
  assert.deepEqual(seen, [...ids].sort().reverse());
  const running = await send(`GET /v2/${endpointId}/requests?status=IN_PROGRESS`);
  assert.equal(running.json.requests.length, 5);
  assert.equal(running.json.cursor, null);
  const wrong = ['limit=0', 'limit=1001', 'limit=x', 'limit=1&limit=2', 'status=DONE', 'cursor=x'];
  for (const query of wrong) {
    const answer = await send(`GET /v2/${endpointId}/requests?${query}`);
    assert.equal(answer.status, 400, query);
    assert.match(answer.json.detail, new RegExp(query.split('=')[0] ?? ''));
  }
});

test('nothing of this was worth a complaint in the log', () => {
  assert.deepEqual(intake.complaints, []);
});

test('a job of an endpoint that was deleted a moment ago, elsewhere, is refused', async () => {
  const gone = await intake.makeEndpoint('gone');
  await send('GET /v2/gone/health');
  assert.equal(await deleteEndpoint(intake.store, gone), 'deleted');
  for (const headers of [{}, { 'idempotency-key': 'gone' }]) {
    const run = await send('POST /v2/gone/run', { body: '{"input":1}', headers });
    assert.equal(run.status, 404, run.text);
    assert.equal(run.json.code, 'endpoint.not_found');
  }
});
