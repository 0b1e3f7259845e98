import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Scope } from '@switchyard/contracts';
import { newJobId, SCOPES } from '@switchyard/contracts';
import { readRows } from './read-rows.ts';
import { startIntake } from './start-intake.ts';

const intake = await startIntake();
after(() => intake[Symbol.asyncDispose]());
const { send } = intake;
await intake.makeEndpoint('mine');
await intake.makeEndpoint('theirs');

/** What each route asks for. A new route has to be written down here, or the test fails. */
const EXPECTED: Readonly<Record<string, Scope | 'open'>> = {
  'POST /v2/{endpoint}/run': 'submit',
  'POST /v2/{endpoint}/runsync': 'submit',
  'POST /v2/{endpoint}/cancel/{job}': 'submit',
  'POST /v2/{endpoint}/retry/{job}': 'submit',
  'GET /v2/{endpoint}/status/{job}': 'read',
  'GET /v2/{endpoint}/status-sync/{job}': 'read',
  'GET /v2/{endpoint}/stream/{job}': 'read',
  'GET /v2/{endpoint}/health': 'read',
  'GET /v2/{endpoint}/requests': 'read',
  'POST /v2/{endpoint}/purge-queue': 'admin',
  'POST /v1/endpoints': 'admin',
  'GET /v1/endpoints': 'admin',
  'GET /v1/endpoints/{endpoint}': 'admin',
  'PATCH /v1/endpoints/{endpoint}': 'admin',
  'DELETE /v1/endpoints/{endpoint}': 'admin',
  'POST /v1/endpoints/{endpoint}/jobs/bulk': 'submit',
  'POST /v1/endpoints/{endpoint}/pause': 'admin',
  'POST /v1/endpoints/{endpoint}/resume': 'admin',
  'POST /v1/endpoints/{endpoint}/webhook-secret': 'admin',
  'GET /v1/endpoints/{endpoint}/deliveries': 'admin',
  'POST /v1/keys': 'admin',
  'GET /v1/keys': 'admin',
  'GET /v1/keys/{key}': 'admin',
  'DELETE /v1/keys/{key}': 'admin',
  'POST /v1/keys/{key}/revoke': 'admin',
  'GET /v1/jobs': 'read',
  'GET /v1/jobs/{job}': 'read',
  'GET /v1/workers': 'admin',
  'GET /v1/supervisors': 'admin',
  'GET /v1/audit': 'admin',
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /metrics': 'open',
  'GET /openapi.json': 'open',
  'GET /asyncapi.json': 'open',
  'GET /docs': 'open',
};

type Operation = { readonly 'x-switchyard-scope'?: Scope };

const served = async (): Promise<Record<string, Scope | 'open'>> => {
  const paths: Record<string, Record<string, Operation>> = (await send('GET /openapi.json')).json
    .paths;
  return Object.fromEntries(
    Object.entries(paths).flatMap(([path, at]) =>
      Object.entries(at).map(([method, operation]) => [
        `${method.toUpperCase()} ${path}`,
        operation['x-switchyard-scope'] ?? 'open',
      ]),
    ),
  );
};

/** The route with ids that name nothing, so that the call changes nothing where it is let in. */
const lineOf = (route: string, endpoint: string): string =>
  route
    .replace('{endpoint}', endpoint)
    .replace('{job}', newJobId('async'))
    .replace('{key}', 'none');

test('the routes are those that are written down here, with their scopes', async () => {
  assert.deepEqual(await served(), EXPECTED);
});

test('every route opens to the scopes that it should, and to no others', async () => {
  const keys = await Promise.all(SCOPES.map((scope) => intake.makeKey([scope], ['mine'])));
  for (const [route, needed] of Object.entries(EXPECTED)) {
    // Deleting would take the endpoint away from the others.
    if (route === 'DELETE /v1/endpoints/{endpoint}') continue;
    for (const [at, scope] of SCOPES.entries()) {
      const opens =
        needed === 'open' || scope === needed || (scope === 'admin' && needed !== 'worker');
      const key = keys[at] ?? '';
      const answer = await send(lineOf(route, 'mine'), { key });
      const isScopeError = answer.json?.code === 'auth.scope';
      assert.equal(isScopeError, !opens, `${scope} on ${route}: ${answer.status} ${answer.text}`);
      if (!opens) assert.equal(answer.status, 403);
    }
  }
  const admin = keys[SCOPES.indexOf('submit')] ?? '';
  assert.equal((await send('DELETE /v1/endpoints/mine', { key: admin })).status, 403);
});

test('no key, rubbish, a revoked and an expired one are 401 everywhere', async () => {
  const revoked = await intake.makeKey(['admin']);
  const expired = await intake.makeKey(['admin']);
  const keyId = (key: string) => key.split('_')[1] ?? '';
  await readRows(intake.databaseUrl, 'update api_keys set revoked_at = now() where key_id = $1', [
    keyId(revoked),
  ]);
  await readRows(intake.databaseUrl, 'update api_keys set expires_at = now() where key_id = $1', [
    keyId(expired),
  ]);
  const good = await intake.makeKey(['admin']);
  const forged = `${good.slice(0, -2)}${good.endsWith('AA') ? 'BB' : 'AA'}`;
  for (const [route, needed] of Object.entries(EXPECTED)) {
    if (needed === 'open') continue;
    for (const key of [null, 'rubbish', revoked, expired, forged, 'x'.repeat(2_000)]) {
      const answer = await send(lineOf(route, 'mine'), { key });
      assert.equal(answer.status, 401, `${key?.slice(0, 9)} on ${route}`);
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
    }
  }
});

test('a key is taken with Bearer in any spelling and bare, and never from the query', async () => {
  const key = await intake.makeKey(['read']);
  const statusOf = async (authorization: string) =>
    (await send('GET /v2/mine/health', { key: null, headers: { authorization } })).status;
  assert.equal(await statusOf(`Bearer ${key}`), 200);
  assert.equal(await statusOf(`bearer ${key}`), 200);
  assert.equal(await statusOf(key), 200);
  assert.equal(await statusOf(`Basic ${key}`), 401);
  assert.equal((await send(`GET /v2/mine/health?api_key=${key}`, { key: null })).status, 401);
});

test('an endpoint of others is answered exactly as one that is not there', async () => {
  const key = await intake.makeKey(['submit', 'read', 'admin'], ['mine']);
  for (const route of Object.keys(EXPECTED).filter((one) => one.includes('{endpoint}'))) {
    const headers = { 'x-request-id': 'same' };
    const of = (endpoint: string) => send(lineOf(route, endpoint), { key, headers });
    const [theirs, absent, malformed] = [await of('theirs'), await of('absent'), await of('Nō')];
    assert.equal(theirs.status, 404, route);
    assert.equal(theirs.json.code, 'endpoint.not_found');
    const seen = (answer: typeof theirs) => [
      answer.status,
      answer.text,
      [...answer.headers].filter(([name]) => name !== 'date'),
    ];
    assert.deepEqual(seen(absent), seen(theirs), route);
    assert.deepEqual(seen(malformed), seen(theirs), route);
  }
  const submitOnly = await intake.makeKey(['submit'], ['mine']);
  assert.equal((await send('GET /v2/theirs/health', { key: submitOnly })).status, 404);
  assert.equal((await send('GET /v2/mine/health', { key: submitOnly })).status, 403);
});

test('a job of another endpoint is answered exactly as one that is not there', async () => {
  const theirs = (await send('POST /v2/theirs/run', { body: { input: 1 } })).json.id;
  const key = await intake.makeKey(['submit', 'read'], ['mine']);
  const odd = ['x', '..%2f..', "'%3B--", theirs.toUpperCase(), `sync-${theirs}`, '%00', '🙂'];
  const ids = [theirs, newJobId('async'), newJobId('sync'), ...odd.map(encodeURI)];
  const routes = Object.keys(EXPECTED).filter((route) => route.includes('{job}'));
  for (const route of routes) {
    const answers = new Set<string>();
    for (const id of ids) {
      const line = route.replace('{endpoint}', 'mine').replace('{job}', id);
      const answer = await send(line, { key });
      answers.add(`${answer.status} ${answer.text}`);
    }
    assert.equal(answers.size, 1, `${route}: ${[...answers].join('\n')}`);
    assert.match([...answers][0] ?? '', /^404 .*job\.not_found/);
  }
});

test('a job older than the retention that is not there is 410', async () => {
  await intake.makeEndpoint('brief', { retentionMs: 1_000 });
  const old = '01900000-0000-7000-8000-000000000000';
  const answer = await send(`GET /v2/brief/status/${old}`);
  assert.equal(answer.status, 410);
  assert.equal(answer.json.code, 'job.expired');
});

test('other paths are 404, other methods 405', async () => {
  for (const line of ['GET /', 'GET /v2/mine', 'POST /v2/mine/run/', `GET /${'x'.repeat(300)}`]) {
    assert.equal((await send(line)).json.code, 'route.not_found', line);
  }
  const wrong = await send('DELETE /v2/mine/run');
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.get('allow'), 'POST');
  assert.equal((await send('HEAD /v2/mine/health')).status, 405);
});

test('what needs no key is asked by HEAD too, and has no body then', async () => {
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    const { status, headers, text } = await send(`HEAD ${path}`, { key: null });
    assert.deepEqual([status, text], [200, ''], path);
    assert.ok(Number(headers.get('content-length')) > 0, path);
  }
  assert.equal((await send('POST /healthz')).headers.get('allow'), 'GET, HEAD');
});

test('nothing of this was worth a complaint in the log', () => {
  assert.deepEqual(intake.complaints, []);
});
