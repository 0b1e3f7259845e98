/** Calls that the package does not make in order, sent by hand. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { it } from 'node:test';
import { objectOf, textOf } from '../answer-shapes.ts';
import { type Fixture, openEndpoint, type TestEndpoint } from './own-endpoint.ts';

type Answer = { status: number; text: string; tookMs: number; contentType: string };

const call = async (
  { gatewayUrl, endpoint, workerToken }: TestEndpoint,
  path: string,
  options: { token?: string; body?: string } = {},
): Promise<Answer> => {
  const begun = performance.now();
  const answer = await fetch(`${gatewayUrl}/${endpoint}/${path}`, {
    method: options.body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: options.token ?? workerToken,
      'content-type': 'application/x-www-form-urlencoded',
      charset: 'utf-8',
    },
    ...(options.body === undefined ? {} : { body: options.body }),
  });
  const text = await answer.text();
  const contentType = answer.headers.get('content-type') ?? '';
  return { status: answer.status, text, tookMs: performance.now() - begun, contentType };
};

const assertStored = (answer: Answer): void => {
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.contentType, /^application\/json\b/);
};

const assertIgnored = (answer: Answer): void => {
  assertStored(answer);
  assert.equal(objectOf(JSON.parse(answer.text)).accepted, false, answer.text);
};

const take = async (on: TestEndpoint, workerId: string): Promise<string> => {
  const answer = await call(on, `job-take/${workerId}?gpu=none&job_in_progress=0`);
  assertStored(answer);
  return textOf(JSON.parse(answer.text), 'id');
};

const registerPolls = (fixture: Fixture): void => {
  it('a poll with a token that nobody knows is refused after about 5 s', async (t) => {
    const on = openEndpoint(t, fixture);
    const token = 'nobody-knows-this';
    const answers = await Promise.all([
      call(on, 'job-take/pod-x?gpu=none&job_in_progress=0', { token }),
      call(on, 'job-take-batch/pod-x?gpu=none&batch_size=2&job_in_progress=0', { token }),
      call(on, 'job-stop/pod-x?gpu=none', { token }),
    ]);
    for (const { status, tookMs, text } of answers) {
      assert.ok([401, 403].includes(status), `${status} ${text}`);
      assert.ok(tookMs > 4_500 && tookMs < 7_500, `refused after ${tookMs} ms`);
    }
  });

  it('polls of an idle endpoint are held about 25 s and answered 204', async (t) => {
    const on = openEndpoint(t, fixture);
    const answers = await Promise.all([
      call(on, 'job-take/pod-idle-a?gpu=none&job_in_progress=0'),
      call(on, 'job-take-batch/pod-idle-b?gpu=none&batch_size=2&job_in_progress=0'),
      call(on, 'job-stop/pod-idle-a?gpu=none'),
    ]);
    for (const { status, tookMs, text } of answers) {
      assert.deepEqual([status, text], [204, '']);
      assert.ok(tookMs > 20_000 && tookMs < 30_000, `held ${tookMs} ms`);
    }
  });

  it('pings are answered 200 with JSON, those of an unfit worker too', async (t) => {
    const on = openEndpoint(t, fixture);
    assertStored(await call(on, 'ping/pod-p?runpod_version=1.12.0'));
    const unfit = 'status=unhealthy&check=never_fit&reason=RuntimeError%3A+not+fit';
    assertStored(await call(on, `ping/pod-p?gpu=NVIDIA+A40&${unfit}&runpod_version=1.12.0`));
  });

  it('a token is taken with and without Bearer', async (t) => {
    const on = openEndpoint(t, fixture);
    const token = `Bearer ${on.workerToken}`;
    assertStored(await call(on, 'ping/pod-p?runpod_version=1.12.0', { token }));
  });
};

const registerPosts = (fixture: Fixture): void => {
  const body = '{"output": "changed"}';

  it('only the first result of a lease counts, and nothing after it', async (t) => {
    const on = openEndpoint(t, fixture);
    const workerId = `pod-${randomUUID().slice(0, 8)}`;
    const jobId = await on.client.submit({});
    assert.equal(await take(on, workerId), jobId);
    const done = `job-done/${workerId}/${jobId}?gpu=none&isStream=false`;
    const stream = `job-stream/${workerId}/${jobId}?gpu=none&isStream=false`;
    assertStored(await call(on, done, { body: '{"output": "first"}' }));
    assertIgnored(await call(on, done, { body }));
    assertStored(await call(on, stream, { body }));
    assertStored(await call(on, done, { body: '{"status": "IN_PROGRESS", "output": 1}' }));
    const status = await on.client.status(jobId);
    assert.deepEqual([status.status, status.output], ['COMPLETED', 'first']);
    assert.deepEqual(await on.client.streamed(jobId), []);
  });

  it('a result for a lease that the worker does not hold changes nothing', async (t) => {
    const on = openEndpoint(t, fixture);
    const queued = await on.client.submit({});
    const done = (jobId: string) => `job-done/pod-stranger/${jobId}?gpu=none&isStream=false`;
    assertIgnored(await call(on, done(queued), { body }));
    assert.equal((await on.client.status(queued)).status, 'IN_QUEUE');
    await on.client.cancel(queued);
    assertIgnored(await call(on, done(queued), { body }));
    assert.equal((await on.client.status(queued)).status, 'CANCELLED');
    const unknown = '01890000-0000-7000-8000-000000000000';
    assertIgnored(await call(on, done(unknown), { body }));
  });

  it('the result of another worker does not end a job', async (t) => {
    const on = openEndpoint(t, fixture);
    const workerId = `pod-${randomUUID().slice(0, 8)}`;
    const jobId = await on.client.submit({});
    assert.equal(await take(on, workerId), jobId);
    const path = (worker: string) => `job-done/${worker}/${jobId}?gpu=none&isStream=false`;
    assertIgnored(await call(on, path('pod-stranger'), { body }));
    assert.equal((await on.client.status(jobId)).status, 'IN_PROGRESS');
    assertStored(await call(on, path(workerId), { body: '{"output": "own"}' }));
    assert.equal((await on.client.status(jobId)).output, 'own');
  });
};

export const registerGatewayCalls = (fixture: Fixture): void => {
  registerPolls(fixture);
  registerPosts(fixture);
};
