import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHealth, createMetrics } from '@switchyard/runtime';
import { type KeyCheck, type KeyRing, openStore } from '@switchyard/store';
import { ENDPOINT, openHanding, WORKER } from '../hand-over-jobs.fixture.ts';
import { createGateway } from './gateway.ts';
import { addRunpodRoutes } from './runpod.ts';

const principal = { keyId: 'key', endpoints: null, scopes: new Set(['worker'] as const) };
const opens = async (): Promise<KeyCheck> => ({ ok: true, principal });

/** A gateway whose keys are looked up by `check`, and the book of its workers. */
const openGateway = (check: KeyRing['check'] = opens) => {
  // Nothing connects to it.
  const store = openStore({ url: 'postgres://127.0.0.1:9/none', applicationName: 'test' });
  const { context: handing } = openHanding(store);
  const context = {
    ...handing,
    metrics: createMetrics({ service: 'test' }),
    health: createHealth(),
    keyRing: { check, known: () => undefined, forget: () => undefined },
    hasEndpoint: () => true,
    changed: () => undefined,
    replace: () => undefined,
  };
  const app = createGateway(context);
  addRunpodRoutes(app, context);
  const close = async () => {
    await app.close();
    await store.close();
  };
  return { app, workers: handing.workers, [Symbol.asyncDispose]: close };
};

test('the reason of an unhealthy worker is kept on one line that Postgres takes', async () => {
  await using gateway = openGateway();
  const url = `/v2/${ENDPOINT}/ping/${WORKER}?status=unhealthy&check=disk&reason=x%00y%0Az`;
  const answer = await gateway.app.inject({ url });
  assert.equal(answer.statusCode, 200);
  assert.equal(gateway.workers.find(ENDPOINT, WORKER)?.reason, 'disk: x y z');
});

test('a poll that meets a defect is answered late, and with 429', async () => {
  await using gateway = openGateway(() => Promise.reject(new TypeError('a defect')));
  const begunMs = performance.now();
  const url = `/v2/${ENDPOINT}/job-take/${WORKER}`;
  const answer = await gateway.app.inject({ url });
  assert.equal(answer.statusCode, 429);
  assert.equal(answer.headers['retry-after'], '5');
  assert.ok(performance.now() - begunMs > 4_900, 'it would ask 2,000 times a second');
});
