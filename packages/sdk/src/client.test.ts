import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf } from './answers.ts';
import { createClient } from './client.ts';
import { AnswerError, ApiError, UnreachableError } from './errors.ts';
import { type Scripted, type Seen, startScriptedServer } from './scripted-server.fixture.ts';

const ID = '019a0000-0000-7000-8000-000000000000';
const accepted = { body: { id: ID, status: 'IN_QUEUE' } };

const problem = (status: number, code: string, headers = {}): Scripted => ({
  status,
  headers,
  body: {
    type: 't',
    title: 't',
    status,
    detail: `It is ${code}.`,
    code,
    error: `It is ${code}.`,
    id: ID,
  },
});

const start = async (script: (call: Seen, seen: readonly Seen[]) => Scripted) => {
  const server = await startScriptedServer(script);
  const client = createClient({
    baseUrl: `${server.url}/`,
    apiKey: 'key-of-the-tests-1',
    retryDelaysMs: [1, 2, 4],
  });
  return { server, client, [Symbol.asyncDispose]: server[Symbol.asyncDispose] };
};

test('run sends the body, the key and a fresh Idempotency-Key', async () => {
  await using here = await start(() => accepted);
  const submission = { input: { a: 1 }, policy: { ttl: 10_000 }, webhook: 'http://x.example' };
  assert.deepEqual(await here.client.run('echo', submission), accepted.body);
  await here.client.run('echo', submission);
  const [first, second] = here.server.seen;
  assert.equal(`${first?.method} ${first?.url}`, 'POST /v2/echo/run');
  assert.equal(first?.headers.authorization, 'Bearer key-of-the-tests-1');
  assert.match(String(first?.headers['idempotency-key']), /^[0-9a-f-]{36}$/);
  assert.notEqual(first?.headers['idempotency-key'], second?.headers['idempotency-key']);
  assert.deepEqual(JSON.parse(first?.body ?? ''), submission);
});

test('raw input reaches the body as the bytes it is', async () => {
  await using here = await start(() => accepted);
  const raw = '{ "n":12345678901234567890, "x":1e400,"n":-0 }';
  await here.client.run('echo', { rawInput: Buffer.from(raw), policy: { lowPriority: true } });
  assert.equal(here.server.seen[0]?.body, `{"input":${raw},"policy":{"lowPriority":true}}`);
  await assert.rejects(
    here.client.run('echo', { rawInput: Buffer.from('1,"webhook":"http://x.example"') }),
    /^TypeError: The input is not JSON/,
  );
  await assert.rejects(here.client.run('echo', { input: undefined }), TypeError);
  assert.equal(here.server.seen.length, 1);
});

test('a 503, a 429 and a lost connection are tried again with the same key', async () => {
  const answers = [
    problem(503, 'outcome_unknown'),
    'hang up' as const,
    problem(429, 'rate.limited'),
  ];
  await using here = await start((_, seen) => answers[seen.length - 1] ?? accepted);
  assert.equal((await here.client.run('echo', { input: 1 })).id, ID);
  assert.equal(here.server.seen.length, 4);
  assert.equal(new Set(here.server.seen.map(({ headers }) => headers['idempotency-key'])).size, 1);
});

test('what is refused for good is an ApiError at once', async () => {
  await using here = await start(() => problem(400, 'request.invalid'));
  await assert.rejects(here.client.run('echo', { input: 1 }), (error) => {
    assert(error instanceof ApiError);
    assert.equal(`${error.status} ${error.code} ${error.id}`, `400 request.invalid ${ID}`);
    assert.equal(error.message, 'It is request.invalid.');
    return true;
  });
  assert.equal(here.server.seen.length, 1);
});

test('the last refusal is told with the wait that the server asks for', async () => {
  await using server = await startScriptedServer(() =>
    problem(503, 'store.unavailable', { 'retry-after': '7' }),
  );
  const client = createClient({ baseUrl: server.url, apiKey: 'k', retryDelaysMs: [] });
  await assert.rejects(client.health('echo'), { retryAfterSeconds: 7, code: 'store.unavailable' });
});

test('a call that must not happen twice is not repeated after a lost connection', async () => {
  await using here = await start(() => 'hang up');
  await assert.rejects(here.client.retry('echo', ID), UnreachableError);
  await assert.rejects(here.client.keys.create({ name: 'k', scopes: ['read'] }), UnreachableError);
  assert.equal(here.server.seen.length, 2);
});

test('a server that is not there is unreachable after every try', async () => {
  const { server } = await start(() => accepted);
  await server[Symbol.asyncDispose]();
  const told: number[] = [];
  const client = createClient({
    baseUrl: server.url,
    apiKey: 'k',
    retryDelaysMs: [1, 2],
    onRetry: ({ delayMs }) => told.push(delayMs),
  });
  await assert.rejects(client.status('echo', ID), {
    name: 'UnreachableError',
    code: 'ECONNREFUSED',
  });
  assert.deepEqual(told, [1, 2]);
});

test('an answer that is not as the contract says is not passed on', async () => {
  const answers: Scripted[] = [
    { body: { id: ID, status: 'DONE' } },
    { text: '<html>' },
    { body: { keys: 1 } },
  ];
  await using here = await start((_, seen) => answers[seen.length - 1] ?? accepted);
  await assert.rejects(here.client.status('echo', ID), AnswerError);
  await assert.rejects(here.client.status('echo', ID), AnswerError);
  await assert.rejects(here.client.keys.list(), AnswerError);
});

test('a redirect and the page of a proxy are refusals without a code of ours', async () => {
  const answers: Scripted[] = [
    { status: 302, headers: { location: 'http://127.0.0.1:9/' } },
    { status: 502, text: '<h1>Bad Gateway</h1>' },
  ];
  await using here = await start((_, seen) => answers[seen.length - 1] ?? accepted);
  await assert.rejects(here.client.status('echo', ID), { code: 'http.302' });
  await assert.rejects(here.client.status('echo', ID), { code: 'http.502' });
});

test('the bytes of an answer stay at hand', async () => {
  const text = `{"id":"${ID}","status":"COMPLETED","output":12345678901234567890}`;
  await using here = await start(() => ({ text }));
  assert.equal(String(bytesOf(await here.client.status('echo', ID))), text);
});

test('no id leads out of its place in the path', async () => {
  await using here = await start(() => accepted);
  await assert.rejects(here.client.status('..', ID), TypeError);
  await assert.rejects(here.client.status('', ID), TypeError);
  await here.client.cancel('a/b?c', ID);
  assert.equal(here.server.seen[0]?.url, `/v2/a%2Fb%3Fc/cancel/${ID}`);
});

test('a signal ends a call and the pause before the next', async () => {
  await using server = await startScriptedServer(() => problem(503, 'service.overloaded'));
  const stop = new AbortController();
  const client = createClient({
    baseUrl: server.url,
    apiKey: 'k',
    retryDelaysMs: [60_000],
    onRetry: () => stop.abort(),
  });
  await assert.rejects(client.health('echo', { signal: stop.signal }), { name: 'AbortError' });
  await assert.rejects(client.health('echo', { signal: stop.signal }), { name: 'AbortError' });
  assert.equal(server.seen.length, 1);
});

test('runSync and statusSync ask the server to wait', async () => {
  await using here = await start(() => ({ body: { id: ID, status: 'COMPLETED', output: null } }));
  await here.client.runSync('echo', { input: 1 }, { waitMs: 2_000 });
  await here.client.statusSync('echo', ID);
  assert.deepEqual(
    here.server.seen.map(({ url }) => url),
    ['/v2/echo/runsync?wait=2000', `/v2/echo/status-sync/${ID}?wait=90000`],
  );
});
