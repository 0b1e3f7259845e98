import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { newJobId, parseWorkerId, type WorkerId } from '@switchyard/contracts';
import { addExchangeRoute } from './exchange.ts';
import { ENDPOINT, openGateway, TOKEN } from './gateway.fixture.ts';

const WORKER = parseWorkerId('w1') as WorkerId;

test('a result is stored whatever its Content-Type says', async (t) => {
  const { app, finishes } = openGateway();
  t.after(() => app.close());
  const types = ['', 'json', 'garbage', 'text/plain', 'application/x-www-form-urlencoded'];
  for (const type of types) {
    const { statusCode } = await app.inject({
      method: 'POST',
      url: `/v2/echo/job-done/w1/${newJobId('async')}`,
      headers: { authorization: TOKEN, 'content-type': type },
      payload: '{"output": 1.0}',
    });
    assert.equal(statusCode, 200, `Content-Type: ${type}`);
  }
  assert.deepEqual(
    finishes.map(({ output }) => output?.toString()),
    types.map(() => '1.0'),
  );
});

test('HEAD is answered for health and metrics alone: on a poll it would claim a job', async (t) => {
  const { app, context } = openGateway();
  t.after(() => app.close());
  const head = (url: string) =>
    app.inject({ method: 'HEAD', url, headers: { authorization: TOKEN } });
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    const { statusCode, body } = await head(path);
    assert.deepEqual([statusCode, body], [200, ''], path);
  }
  for (const call of ['ping', 'job-take', 'job-take-batch', 'job-stop']) {
    assert.equal((await head(`/v2/echo/${call}/w1`)).statusCode, 404, call);
  }
  assert.deepEqual([...context.workers.all()], []);
});

test('a parameter that is given twice is a list, as one joined by commas is', async (t) => {
  const { app, context } = openGateway();
  t.after(() => app.close());
  const [a, b, c] = [newJobId('async'), newJobId('async'), newJobId('async')];
  const get = (url: string) => app.inject({ url, headers: { authorization: TOKEN } });
  const ping = await get(`/v2/echo/ping/w1?job_id=${a},${b}&gpu=A+B&gpu=C&job_id=${c}`);
  assert.equal(ping.statusCode, 200);
  const worker = context.workers.see(ENDPOINT, WORKER);
  assert.deepEqual(worker.inventory, [a, b, c]);
  const unfit = 'status=unhealthy&check=one&check=two&reason=not+fit';
  assert.equal((await get(`/v2/echo/ping/w1?${unfit}`)).statusCode, 200);
  assert.equal(worker.reason, 'one,two: not fit');
});

test('a stop is kept until the worker was told of it and lists its job no more', async (t) => {
  const { app, context } = openGateway();
  t.after(() => app.close());
  const get = (call: string) =>
    app.inject({ url: `/v2/echo/${call}/w1`, headers: { authorization: TOKEN } });
  const { stops } = context.workers.see(ENDPOINT, WORKER);
  const jobId = newJobId('async');
  const toldAtMs = Number.NEGATIVE_INFINITY;
  stops.set(jobId, { claimNo: 1, reason: 'cancelled', atMs: performance.now(), toldAtMs });
  await get('ping');
  assert.deepEqual((await get('job-stop')).json(), { jobsToStop: [jobId] });
  await get('ping');
  assert.equal(stops.size, 0);
});

test('a result that is too large to be kept fails its job', async (t) => {
  const { app, finishes } = openGateway();
  t.after(() => app.close());
  const path = `/v2/echo/job-done/w1/${newJobId('async')}`;
  const output = 'x'.repeat(29_360_128);
  const post = (authorization: string, said: object) =>
    app.inject({ method: 'POST', url: path, headers: { authorization }, payload: said });
  assert.equal((await post('unknown', { output: 1 })).statusCode, 401);
  assert.equal((await post('unknown', { output })).statusCode, 401);
  assert.equal((await post(TOKEN, { status: 'IN_PROGRESS', output })).statusCode, 413);
  assert.equal(finishes.length, 0);
  // Over a socket, which hears no answer while it still sends.
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  const headers = { authorization: TOKEN };
  const body = JSON.stringify({ output });
  const answer = await fetch(`${origin}${path}`, { method: 'POST', headers, body });
  assert.deepEqual([answer.status, await answer.text()], [200, '{}']);
  const error = '"The worker posted a result of more than 29360128 bytes."';
  assert.deepEqual(
    finishes.map((finish) => [finish.status, finish.output, finish.error?.toString()]),
    [['FAILED', undefined, error]],
  );
});

test('a stranger is refused before the body comes, at each route that takes one', async (t) => {
  const { app } = openGateway();
  t.after(() => app.close());
  addExchangeRoute(app, openGateway().context);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const job = newJobId('async');
  for (const path of [`job-done/w1/${job}`, `job-stream/w1/${job}`, 'exchange/w1']) {
    const socket = connect(port, '127.0.0.1');
    const head = `POST /v2/echo/${path} HTTP/1.1\r\nhost: x\r\nauthorization: unknown\r\n`;
    socket.write(`${head}content-length: 20000000\r\n\r\n`);
    const [answer] = await once(socket, 'data', { signal: AbortSignal.timeout(5_000) });
    socket.destroy();
    assert.match(String(answer), /^HTTP\/1\.1 401 /, path);
  }
});
