import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { claim, finish } from './play-worker.ts';
import { readRows } from './read-rows.ts';
import { startIntake } from './start-intake.ts';

const intake = await startIntake();
after(() => intake[Symbol.asyncDispose]());
const { send } = intake;

test('an endpoint is made, read, changed and deleted', async () => {
  const settings = { name: 'My own', limits: { maxAttempts: 5 }, defaults: { ttlMs: 60_000 } };
  const made = await send('POST /v1/endpoints', { body: { id: 'own', ...settings } });
  assert.equal(made.status, 201);
  assert.equal(made.json.name, 'My own');
  assert.deepEqual(made.json.limits, {
    maxQueued: 1_000_000,
    maxConcurrent: null,
    maxAttempts: 5,
  });
  assert.deepEqual((await send('GET /v1/endpoints/own')).json, made.json);
  const twice = await send('POST /v1/endpoints', { body: { id: 'own' } });
  assert.equal(twice.json.code, 'endpoint.exists');
  const changed = await send('PATCH /v1/endpoints/own', {
    body: { limits: { maxQueued: null }, worker: { template: 'echo', minimum: 2 } },
  });
  assert.equal(changed.status, 200, changed.text);
  assert.equal(changed.json.limits.maxQueued, null);
  assert.equal(changed.json.limits.maxAttempts, 5);
  assert.equal(changed.json.defaults.ttlMs, 60_000);
  assert.equal(changed.json.worker.minimum, 2);
  assert.deepEqual((await send('GET /v1/endpoints/own')).json, changed.json);
  const list = await send('GET /v1/endpoints');
  assert.deepEqual(list.json.endpoints, [changed.json]);
  assert.equal((await send('DELETE /v1/endpoints/own')).status, 204);
  assert.equal((await send('GET /v1/endpoints/own')).status, 404);
  assert.equal((await send('POST /v2/own/run', { body: { input: 1 } })).status, 404);
});

test('a change of workers keeps their template, which a first one has to name', async () => {
  await intake.makeEndpoint('crew', { worker: { template: 'echo', concurrency: 4 } });
  const changed = await send('PATCH /v1/endpoints/crew', { body: { worker: { maximum: 5 } } });
  assert.equal(changed.status, 200, changed.text);
  const { worker } = changed.json;
  assert.deepEqual([worker.template, worker.concurrency, worker.maximum], ['echo', 4, 5]);
  await intake.makeEndpoint('remote');
  const body = { worker: { maximum: 5 } };
  for (const answer of [
    await send('PATCH /v1/endpoints/remote', { body }),
    await send('POST /v1/endpoints', { body: { id: 'fresh', ...body } }),
  ]) {
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.json.detail, /worker\.template must be named/);
  }
  assert.equal((await send('GET /v1/endpoints/remote')).json.worker, null);
  for (const id of ['crew', 'remote']) await send(`DELETE /v1/endpoints/${id}`);
});

test('settings that are unknown or out of bounds are refused by name', async () => {
  await intake.makeEndpoint('strict');
  const wrong: readonly [object, RegExp][] = [
    [{ nam: 'x' }, /"nam"/],
    [{ name: '' }, /name/],
    [{ defaults: { ttlMs: 1 } }, /defaults\.ttlMs .*10000.*1/],
    [{ defaults: { ttl: 60_000 } }, /defaults.*"ttl"/],
    [{ limits: { maxAttempts: 0 } }, /limits\.maxAttempts/],
    [{ worker: { template: 'a;b' } }, /worker/],
    [{ scaling: { rule: 'MAGIC' } }, /scaling\.rule/],
    [{ paused: true }, /"paused"/],
    [[], /body/i],
  ];
  for (const [body, detail] of wrong) {
    const answer = await send('PATCH /v1/endpoints/strict', { body });
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.json.detail, detail);
  }
  for (const id of ['', 'Upper', 'a.b', 'a*', 'x'.repeat(65), 7, null]) {
    const answer = await send('POST /v1/endpoints', { body: { id } });
    assert.equal(answer.status, 400, String(id));
    assert.match(answer.json.detail, /^id /);
  }
  const rubbish = await send('POST /v1/endpoints', { body: '{"id":"x"' });
  assert.equal(rubbish.json.code, 'request.body_invalid');
});

test('a changed default holds for jobs that are accepted afterwards', async () => {
  await intake.makeEndpoint('defaults');
  const ttlOf = async () => {
    const { json } = await send('POST /v2/defaults/run', { body: { input: 1 } });
    const statement = 'select ttl_ms::float8 as ttl from jobs where job_id = $1';
    return (await readRows<{ ttl: number }>(intake.databaseUrl, statement, [json.id]))[0]?.ttl;
  };
  assert.equal(await ttlOf(), 86_400_000);
  await send('PATCH /v1/endpoints/defaults', { body: { defaults: { ttlMs: 20_000 } } });
  assert.equal(await ttlOf(), 20_000);
});

test('an endpoint with unfinished jobs stays', async () => {
  const endpointId = await intake.makeEndpoint('busy');
  await send('POST /v2/busy/run', { body: { input: 1 } });
  assert.equal((await send('DELETE /v1/endpoints/busy')).json.code, 'endpoint.busy');
  const [job] = await claim(intake, endpointId);
  assert.ok(job);
  assert.equal((await send('DELETE /v1/endpoints/busy')).status, 409);
  await finish(intake, endpointId, job.jobId, { output: '1' });
  assert.equal((await send('DELETE /v1/endpoints/busy')).status, 204);
  const left = await readRows(intake.databaseUrl, "select from jobs where endpoint_id = 'busy'");
  assert.equal(left.length, 0);
  assert.equal((await send('POST /v1/endpoints', { body: { id: 'busy' } })).status, 201);
});

test('an endpoint is not made anew while the history of its former one is there', async () => {
  await readRows(intake.databaseUrl, "insert into deleted_endpoints values ('former')");
  const refused = await send('POST /v1/endpoints', { body: { id: 'former' } });
  assert.equal(refused.status, 409);
  assert.equal(refused.json.code, 'endpoint.busy');
  assert.match(refused.json.detail, /former endpoint "former" is still being deleted; try again/);
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.equal((await send('GET /v1/endpoints/former')).status, 404);
});

test('a webhook secret is shown once and kept sealed, with the former one', async () => {
  await intake.makeEndpoint('hooks');
  const first = await send('POST /v1/endpoints/hooks/webhook-secret');
  assert.equal(first.status, 201);
  assert.match(first.json.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  const second = await send('POST /v1/endpoints/hooks/webhook-secret', { body: {} });
  const [row] = await readRows<{ webhook_secrets: Buffer[] }>(
    intake.databaseUrl,
    "select webhook_secrets from endpoints where endpoint_id = 'hooks'",
  );
  const opened = row?.webhook_secrets.map((sealed) =>
    intake.sealer.open(sealed, 'hooks|webhook-secret').toString(),
  );
  assert.deepEqual(opened, [second.json.secret, first.json.secret]);
});

test('the deliveries of an endpoint are listed', async () => {
  await intake.makeEndpoint('delivers');
  const body = { input: 1, webhook: 'https://example.com/hook' };
  const { id } = (await send('POST /v2/delivers/run', { body })).json;
  await send(`POST /v2/delivers/cancel/${id}`);
  const { json } = await send(`GET /v1/endpoints/delivers/deliveries?job=${id}&limit=1`);
  assert.equal(json.deliveries.length, 1);
  assert.equal(json.deliveries[0].job, id);
  assert.equal(json.deliveries[0].url, body.webhook);
  assert.deepEqual(json.deliveries[0].tries, []);
  assert.equal((await send('GET /v1/endpoints/delivers/deliveries?job=x')).status, 400);
});

test('a key is shown once, works at once, and ends when it is revoked', async () => {
  await intake.makeEndpoint('keyed');
  const made = await send('POST /v1/keys', {
    body: { name: 'ci', scopes: ['read', 'read'], endpoints: ['keyed'] },
  });
  assert.equal(made.status, 201, made.text);
  const { id, key } = made.json;
  assert.deepEqual(made.json.scopes, ['read']);
  assert.equal((await send('GET /v2/keyed/health', { key })).status, 200);
  const one = await send(`GET /v1/keys/${id}`);
  assert.equal(one.json.name, 'ci');
  for (const { text } of [one, await send('GET /v1/keys')]) assert.ok(!text.includes(key));
  const dump = await readRows(intake.databaseUrl, 'select k::text as row from api_keys as k');
  assert.ok(!JSON.stringify(dump).includes(key.slice(-43)));
  const revoked = await send(`POST /v1/keys/${id}/revoke`);
  assert.equal(revoked.status, 200);
  assert.ok(revoked.json.revokedAt);
  assert.equal((await send('GET /v2/keyed/health', { key })).status, 401);
  assert.equal((await send(`DELETE /v1/keys/${id}`)).status, 204);
  assert.equal((await send('GET /v1/keys/none')).json.code, 'key.not_found');
});

test('null for the limits of a key says that it has none', async () => {
  const body = { name: 'free', scopes: ['read'], endpoints: null, expiresAt: null };
  const { status, json, text } = await send('POST /v1/keys', { body });
  assert.equal(status, 201, text);
  assert.deepEqual([json.endpoints, json.expiresAt], [null, null]);
});

test('keys out of bounds are refused by name', async () => {
  const wrong: readonly [object, RegExp][] = [
    [{ scopes: ['read'] }, /"name"/],
    [{ name: 'x' }, /"scopes"/],
    [{ name: 'x', scopes: [] }, /scopes/],
    [{ name: 'x', scopes: ['root'] }, /scopes/],
    [{ name: 'x', scopes: ['read'], endpoints: ['A'] }, /endpoints/],
    [{ name: 'x', scopes: ['read'], own: 1 }, /"own"/],
    [{ name: 'x', scopes: ['read'], expiresAt: '2020-01-01T00:00:00Z' }, /expiresAt.*2020/],
    [{ name: 'x', scopes: ['read'], expiresAt: 'tomorrow' }, /expiresAt.*tomorrow/],
    [{ name: 'x', scopes: ['read'], expiresAt: '2999-13-01T00:00:00Z' }, /expiresAt/],
  ];
  for (const [body, detail] of wrong) {
    const answer = await send('POST /v1/keys', { body });
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.match(answer.json.detail, detail);
  }
  const body = { name: 'x', scopes: ['read'], expiresAt: '2999-01-01T00:00:00+02:00' };
  const made = await send('POST /v1/keys', { body });
  assert.equal(made.json.expiresAt, '2998-12-31T22:00:00.000Z');
});

test('a limited admin key manages what it is limited to, and nothing beyond', async () => {
  await intake.makeEndpoint('theirs');
  const key = await intake.makeKey(['admin'], ['mine', 'mine-too']);
  const made = await send('POST /v1/endpoints', { key, body: { id: 'mine' } });
  assert.equal(made.status, 201);
  for (const id of ['theirs', 'new-one']) {
    const answer = await send('POST /v1/endpoints', { key, body: { id } });
    assert.equal(answer.json.code, 'auth.scope', id);
  }
  const seen = await send('GET /v1/endpoints', { key });
  assert.deepEqual(
    seen.json.endpoints.map((one: { id: string }) => one.id),
    ['mine'],
  );
  assert.equal((await send('DELETE /v1/endpoints/theirs', { key })).status, 404);
  const mint = (endpoints?: string[]) =>
    send('POST /v1/keys', { key, body: { name: 'x', scopes: ['admin'], endpoints } });
  assert.equal((await mint()).status, 403);
  assert.equal((await mint(['mine', 'theirs'])).status, 403);
  const own = await mint(['mine']);
  assert.equal(own.status, 201);
  const others = await send('POST /v1/keys', { body: { name: 'root', scopes: ['admin'] } });
  const keys: { id: string; endpoints: string[] }[] = (await send('GET /v1/keys', { key })).json
    .keys;
  assert.ok(keys.some(({ id }) => id === own.json.id));
  assert.ok(keys.every(({ endpoints }) => endpoints.every((id) => id.startsWith('mine'))));
  for (const line of [`GET /v1/keys/${others.json.id}`, `DELETE /v1/keys/${others.json.id}`]) {
    assert.equal((await send(line, { key })).status, 404);
  }
  assert.equal((await send(`DELETE /v1/keys/${own.json.id}`, { key })).status, 204);
});

test('every change is in the audit, with the key that made it', async () => {
  const rows = await readRows<{ action: string }>(
    intake.databaseUrl,
    "select distinct action from audit where key_id = 'bootstrap' order by action",
  );
  assert.deepEqual(
    rows.map(({ action }) => action),
    [
      'endpoint.change',
      'endpoint.create',
      'endpoint.delete',
      'endpoint.webhook_secret',
      'key.create',
      'key.revoke',
    ],
  );
});

test('nothing of this was worth a complaint in the log', () => {
  assert.deepEqual(intake.complaints, []);
});
