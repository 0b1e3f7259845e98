import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newJobId } from '@switchyard/contracts';
import { openGateway, TOKEN } from './gateway.fixture.ts';

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
