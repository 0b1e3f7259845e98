import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  Endpoint,
  JobDetail,
  KeyRecord,
  SupervisorInfo,
  WorkerInfo,
} from '@switchyard/contracts';
import { createClient } from './client.ts';
import { startScriptedServer } from './scripted-server.fixture.ts';

const ECHO: Endpoint = {
  id: 'echo',
  name: 'Echo',
  worker: null,
  scaling: { rule: 'QUEUE_DELAY', value: 4 },
  defaults: { executionTimeoutMs: 600_000, ttlMs: 86_400_000 },
  limits: { maxQueued: 1_000_000, maxConcurrent: null, maxAttempts: 3 },
  escalateAfterMs: 3_600_000,
  retentionMs: 86_400_000,
  paused: false,
};
const KEY: KeyRecord = {
  id: 'k1',
  name: 'ci',
  scopes: ['submit'],
  endpoints: ['echo'],
  createdAt: '2026-01-01T00:00:00.000Z',
  expiresAt: null,
  revokedAt: null,
};
const DELIVERY = {
  id: 'd1',
  job: 'j1',
  url: 'http://x.example/',
  outcome: 'delivered',
  createdAt: KEY.createdAt,
  closedAt: KEY.createdAt,
  tries: [
    {
      n: 1,
      startedAt: KEY.createdAt,
      durationMs: 12,
      outcome: 'delivered',
      responseStatus: 204,
      responseExcerpt: '',
      error: null,
    },
  ],
};

const JOB: JobDetail = {
  id: 'j1',
  endpoint: 'echo',
  status: 'COMPLETED',
  priority: 'high',
  createdAt: KEY.createdAt,
  attempt: 1,
  maxAttempts: 3,
  policy: { executionTimeout: 600_000, ttl: 86_400_000, lowPriority: false },
  inputBytes: 2,
  events: [{ seq: 1, event: 'accepted', at: KEY.createdAt, text: 'It was accepted.' }],
  deliveries: [],
};
const WORKER: WorkerInfo = {
  id: 'w1',
  endpoint: 'echo',
  state: 'lost',
  reason: null,
  slots: 1,
  jobs: ['j1'],
  supervisor: 's1',
  firstSeenAt: KEY.createdAt,
  seenAt: KEY.createdAt,
};
const SUPERVISOR: SupervisorInfo = {
  instance: 's1',
  host: 'box',
  pid: 1,
  alive: true,
  workers: 1,
  beatingSince: KEY.createdAt,
  lastBeatAt: KEY.createdAt,
};
const AUDIT = {
  entries: [{ id: 1, at: KEY.createdAt, key: 'k1', action: 'endpoint.create', target: 'echo' }],
  cursor: null,
};

const ANSWERS: Readonly<Record<string, { status?: number; body?: unknown; text?: string }>> = {
  'GET /v1/endpoints': { body: { endpoints: [ECHO] } },
  'POST /v1/endpoints': { status: 201, body: ECHO },
  'GET /v1/endpoints/echo': { body: ECHO },
  'PATCH /v1/endpoints/echo': { body: { ...ECHO, name: 'Other' } },
  'DELETE /v1/endpoints/echo': { status: 204, text: '' },
  'POST /v1/endpoints/echo/webhook-secret': { status: 201, body: { secret: 'whsec_x' } },
  'GET /v1/endpoints/echo/deliveries?job=j1&limit=5': { body: { deliveries: [DELIVERY] } },
  'GET /v1/keys': { body: { keys: [KEY] } },
  'POST /v1/keys': { status: 201, body: { ...KEY, key: 'sy_secret' } },
  'POST /v1/keys/k1/revoke': { body: { ...KEY, revokedAt: KEY.createdAt } },
  'POST /v1/endpoints/echo/pause': { body: { ...ECHO, paused: true } },
  'POST /v1/endpoints/echo/resume': { body: ECHO },
  'GET /v1/jobs?status=FAILED&from=1': { body: { jobs: [], cursor: 'c' } },
  'GET /v1/jobs/j1?endpoint=echo': { body: JOB },
  'GET /v1/workers?endpoint=echo': { body: { workers: [WORKER] } },
  'GET /v1/supervisors': { body: { supervisors: [SUPERVISOR] } },
  'GET /v1/audit?limit=1': { body: AUDIT },
  'POST /v2/echo/purge-queue': { body: { removed: 3, status: 'completed' } },
  'GET /v2/echo/requests?status=FAILED&limit=2': { body: { requests: [], cursor: null } },
};

test('every management call has its route, its body and its answer', async () => {
  await using server = await startScriptedServer(
    ({ method, url }) => ANSWERS[`${method} ${url}`] ?? { status: 404 },
  );
  const { endpoints, keys, ...client } = createClient({ baseUrl: server.url, apiKey: 'k' });
  assert.deepEqual(await endpoints.list(), [ECHO]);
  assert.deepEqual(await endpoints.create({ id: 'echo', name: 'Echo' }), ECHO);
  assert.deepEqual(await endpoints.read('echo'), ECHO);
  assert.equal((await endpoints.update('echo', { name: 'Other' })).name, 'Other');
  assert.equal(await endpoints.delete('echo'), undefined);
  assert.deepEqual(await endpoints.newWebhookSecret('echo'), { secret: 'whsec_x' });
  assert.deepEqual(await endpoints.deliveries('echo', { job: 'j1', limit: 5 }), [DELIVERY]);
  assert.deepEqual(await keys.list(), [KEY]);
  assert.equal((await keys.create({ name: 'ci', scopes: ['submit'] })).key, 'sy_secret');
  assert.equal((await keys.revoke('k1')).revokedAt, KEY.createdAt);
  assert.equal((await client.purgeQueue('echo')).removed, 3);
  assert.deepEqual((await client.requests('echo', { status: 'FAILED', limit: 2 })).requests, []);
  const sent = server.seen.filter(({ method }) => method === 'POST' || method === 'PATCH');
  assert.deepEqual(
    sent.map(({ body }) => JSON.parse(body)),
    [
      { id: 'echo', name: 'Echo' },
      { name: 'Other' },
      {},
      { name: 'ci', scopes: ['submit'] },
      {},
      {},
    ],
  );
});

test('what operators look at has its routes and its answers', async () => {
  await using server = await startScriptedServer(
    ({ method, url }) => ANSWERS[`${method} ${url}`] ?? { status: 404 },
  );
  const client = createClient({ baseUrl: server.url, apiKey: 'k' });
  assert.equal((await client.endpoints.pause('echo')).paused, true);
  assert.equal((await client.endpoints.resume('echo')).paused, false);
  assert.deepEqual(await client.jobs.search({ status: 'FAILED', from: 1 }), {
    jobs: [],
    cursor: 'c',
  });
  assert.deepEqual(await client.jobs.read('j1', { endpoint: 'echo' }), JOB);
  assert.deepEqual(await client.workers.list({ endpoint: 'echo' }), [WORKER]);
  assert.deepEqual(await client.supervisors.list(), [SUPERVISOR]);
  assert.deepEqual(await client.audit.list({ limit: 1 }), AUDIT);
});
