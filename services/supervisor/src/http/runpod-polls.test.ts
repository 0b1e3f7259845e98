import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type JobId, newJobId, type WorkerId } from '@switchyard/contracts';
import type { KeyRing } from '@switchyard/store';
import { ENDPOINT, openGateway, TOKEN } from './gateway.fixture.ts';

const WORKER = 'w1' as WorkerId;
const authorization = TOKEN;

const ping = async (gateway: ReturnType<typeof openGateway>, query: string): Promise<number> => {
  const url = `/v2/${ENDPOINT}/ping/${WORKER}?${query}`;
  return (await gateway.app.inject({ url, headers: { authorization } })).statusCode;
};

test('the reason of an unhealthy worker is kept on one line that Postgres takes', async () => {
  const gateway = openGateway();
  assert.equal(await ping(gateway, 'status=unhealthy&check=disk&reason=x%00y%0Az'), 200);
  assert.equal(gateway.context.workers.find(ENDPOINT, WORKER)?.reason, 'disk: x y z');
});

test('a stop that nobody asked for is over with a ping well after it', async () => {
  const gateway = openGateway();
  const worker = gateway.context.workers.see(ENDPOINT, WORKER);
  const [early, late, listed] = [newJobId('async'), newJobId('async'), newJobId('async')];
  const noteStop = (jobId: JobId, agoMs: number): void => {
    const atMs = performance.now() - agoMs;
    const toldAtMs = Number.NEGATIVE_INFINITY;
    worker.stops.set(jobId, { claimNo: 1, reason: 'cancelled', atMs, toldAtMs });
  };
  noteStop(early, 1_000);
  noteStop(late, 6_000);
  noteStop(listed, 6_000);
  assert.equal(await ping(gateway, `job_id=${listed}`), 200);
  assert.deepEqual([...worker.stops.keys()], [early, listed]);
});

test('a poll that meets a defect is answered late, and with 429', async () => {
  const keyRing: KeyRing = {
    check: () => Promise.reject(new TypeError('a defect')),
    known: () => undefined,
    forget: () => undefined,
  };
  const { app } = openGateway({ keyRing });
  const begunMs = performance.now();
  const answer = await app.inject({ url: `/v2/${ENDPOINT}/job-take/${WORKER}` });
  assert.equal(answer.statusCode, 429);
  assert.equal(answer.headers['retry-after'], '5');
  assert.ok(performance.now() - begunMs > 4_900, 'it would ask 2,000 times a second');
});
