import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFrame, newJobId } from '@switchyard/contracts';
import { addExchangeRoute } from './exchange.ts';
import { openGateway, TOKEN } from './gateway.fixture.ts';

test('a worker that holds a job is heard of each five seconds', async (t) => {
  const { app, context } = openGateway();
  addExchangeRoute(app, context);
  t.after(() => app.close());
  const header = { free: 1, held: [newJobId('async')], waitMs: 25_000, posts: [] };
  const begunMs = performance.now();
  const answer = await app.inject({
    ...{ method: 'POST' as const, url: '/v2/echo/exchange/w1' },
    ...{ headers: { authorization: TOKEN }, payload: encodeFrame(header, []) },
  });
  assert.equal(answer.statusCode, 200);
  const tookMs = performance.now() - begunMs;
  assert.ok(tookMs > 4_000 && tookMs < 9_000, `${tookMs}`);
});
