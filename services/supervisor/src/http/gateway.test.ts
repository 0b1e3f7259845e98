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
