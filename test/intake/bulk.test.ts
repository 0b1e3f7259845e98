import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { uuidOf } from '@switchyard/contracts';
import { checkInvariants } from '../support/invariants.ts';
import { openBulk } from './open-bulk.ts';
import { claim, finish } from './play-worker.ts';
import { readRows } from './read-rows.ts';
import { startIntake } from './start-intake.ts';

const intake = await startIntake();
after(() => intake[Symbol.asyncDispose]());
const echo = await intake.makeEndpoint('echo');
const { send } = intake;

const NDJSON = { 'content-type': 'application/x-ndjson' };

/** Posts `body` to the bulk route of `endpoint`; the lines of its answer. */
const post = async (
  body: string | Buffer,
  { endpoint = 'echo', headers = {} }: { endpoint?: string; headers?: object } = {},
) => {
  const line = `POST /v1/endpoints/${endpoint}/jobs/bulk`;
  const answer = await send(line, { body, headers: { ...NDJSON, ...headers } });
  assert.equal(answer.status, 200, answer.text);
  assert.ok(answer.text === '' || answer.text.endsWith('\n'));
  const lines = answer.text.split('\n').slice(0, -1);
  return { ...answer, lines: lines.map((text) => JSON.parse(text)) };
};

const inputsOf = async (ids: readonly string[]): Promise<string[]> => {
  const rows = await readRows<{ input: Buffer }>(
    intake.databaseUrl,
    `select input from unnest($1::uuid[]) with ordinality as w (job_id, place)
      join jobs using (job_id) order by place`,
    [ids.map((id) => uuidOf(id as Parameters<typeof uuidOf>[0]))],
  );
  return rows.map(({ input }) => input.toString());
};

test('each line is a job, and the answer has their ids in the order of the lines', async () => {
  const inputs = Array.from({ length: 2_500 }, (_, n) => `{ "n": ${n}, "exact": 1e400 }`);
  const { lines, headers } = await post(inputs.map((input) => `{"input":${input}}`).join('\n'));
  assert.equal(headers.get('content-type'), 'application/x-ndjson');
  assert.deepEqual(Object.keys(lines[0]), ['id', 'status']);
  assert.ok(lines.every(({ status }) => status === 'IN_QUEUE'));
  assert.deepEqual(await inputsOf(lines.map(({ id }) => id)), inputs);
  const { json } = await send('GET /v2/echo/health');
  assert.equal(json.jobs.inQueue, inputs.length);
  const [claimed] = await claim(intake, echo);
  assert.ok(lines.some(({ id }) => id === claimed?.jobId));
});

test('CRLF, blank lines and a last line without an end are fine; nothing is no job', async () => {
  const { lines } = await post('\n{"input":"a"}\r\n \t\r\n\r\n  {"input":"b"} \n\n{"input":"c"}');
  assert.deepEqual(await inputsOf(lines.map(({ id }) => id)), ['"a"', '"b"', '"c"']);
  for (const body of ['', '\n', '\r\n\r\n']) assert.equal((await post(body)).text, '');
});

test('a line at fault hurts only itself, and its answer says which it is and why', async () => {
  const secret = '{"input":4,"s3Config":{"accessSecret":{"deep":"canary"}}}';
  const { lines, text } = await post(
    [
      '{"input":1}',
      '{"input":',
      '',
      '[]',
      '{"input":2,"policy":{"ttl":9999}}',
      '{"input":2,"webhook":"http://127.0.0.1/"}',
      secret,
      `{"input":${'['.repeat(129)}${']'.repeat(129)}}`,
      '{"input":3,"policy":{"startAfter":"9000-01-01T00:00:00Z"}}',
      '{"input":5}',
    ].join('\n'),
  );
  const told = lines.map(({ line, code, status }) => [line, code, status]);
  assert.deepEqual(told.slice(1, -1), [
    [2, 'request.body_invalid', 400],
    [4, 'request.body_invalid', 400],
    [5, 'request.invalid', 400],
    [6, 'request.webhook_refused', 400],
    [7, 'request.invalid', 400],
    [8, 'request.too_deep', 400],
    [9, 'request.invalid', 400],
  ]);
  assert.match(lines[3].detail, /policy\.ttl .*9999/);
  assert.equal(lines[3].error, lines[3].detail);
  assert.doesNotMatch(text, /canary/);
  assert.deepEqual(await inputsOf([lines[0].id, lines[8].id]), ['1', '5']);
});

test('everything that a submission may ask for is kept of each line', async () => {
  await intake.makeEndpoint('all');
  const { lines } = await post(
    [
      '{"input":1,"policy":{"ttl":10000,"executionTimeout":5001,"lowPriority":true}}',
      '{"input":2,"webhook":"https://example.com/hook"}',
      '{"input":3,"s3Config":{"bucketName":"b"}}',
      `{"input":4,"policy":{"startAfter":${Date.now() + 3_600_000}}}`,
    ].join('\n'),
    { endpoint: 'all' },
  );
  const rows = await readRows(
    intake.databaseUrl,
    `select ttl_ms::int, execution_timeout_ms::int, low_priority, webhook,
      exists (select from job_secrets as s where s.job_id = jobs.job_id) as secret,
      exists (select from delayed as d where d.job_id = jobs.job_id) as late
      from jobs where endpoint_id = 'all' order by job_id`,
  );
  const usual = { ttl_ms: 86_400_000, execution_timeout_ms: 600_000, low_priority: false };
  const none = { webhook: null, secret: false, late: false };
  assert.deepEqual(rows, [
    { ttl_ms: 10_000, execution_timeout_ms: 5_001, low_priority: true, ...none },
    { ...usual, ...none, webhook: 'https://example.com/hook' },
    { ...usual, ...none, secret: true },
    { ...usual, ...none, late: true },
  ]);
  assert.equal(lines.length, 4);
});

const bodyOf = (bytes: number): string => `{"input":"${'x'.repeat(bytes - 12)}"}`;

test('a line has up to 10,485,760 bytes, one byte more is 413 for that line alone', async () => {
  const { lines } = await post(
    [bodyOf(10_485_760), bodyOf(10_485_761), '{"input":1}', bodyOf(20_000_000), '{"input":2}'].join(
      '\r\n',
    ),
  );
  const codes = lines.map(({ code, line }) => [code, line]);
  assert.deepEqual(codes[1], ['request.too_large', 2]);
  assert.deepEqual(codes[3], ['request.too_large', 4]);
  const [longest = ''] = await inputsOf([lines[0].id]);
  assert.equal(longest.length, 10_485_760 - 10);
  assert.deepEqual(await inputsOf([lines[2].id, lines[4].id]), ['1', '2']);
});

test('the same key and lines are the same jobs, as they stand by now', async () => {
  const repeated = await intake.makeEndpoint('repeated');
  const options = { endpoint: 'repeated', headers: { 'idempotency-key': 'k' } };
  const texts = Array.from({ length: 1_200 }, (_, n) => `{"input":${n}}`);
  const first = await post(texts.join('\n'), options);
  const [claimed] = await claim(intake, repeated);
  await finish(intake, repeated, claimed?.jobId ?? assert.fail(), { output: '1' });
  const again = await post(`${texts.join('\r\n')}\r\n`, options);
  assert.deepEqual(
    again.lines.map(({ id }) => id),
    first.lines.map(({ id }) => id),
  );
  for (const { id, status } of again.lines) {
    assert.equal(status, id === claimed?.jobId ? 'COMPLETED' : 'IN_QUEUE');
  }

  const changed = texts.with(7, '{"input":"other"}').concat('{"input":"new"}');
  const { lines } = await post(changed.join('\n'), options);
  assert.equal(lines[7].code, 'idempotency.mismatch');
  assert.equal(lines[7].line, 8);
  assert.equal(lines[6].id, first.lines[6].id);
  assert.equal(lines[1_200].status, 'IN_QUEUE');
  assert.equal((await send('GET /v2/repeated/health')).json.jobs.inQueue, 1_200);
});

test('two bulks at once with one key make each job once', async () => {
  await intake.makeEndpoint('twice');
  const options = { endpoint: 'twice', headers: { 'idempotency-key': 'k' } };
  const body = Array.from({ length: 3_000 }, (_, n) => `{"input":${n}}`).join('\n');
  const both = await Promise.all([post(body, options), post(body, options)]);
  const ids = both.map(({ lines }) => lines.map(({ id }) => id));
  assert.deepEqual(ids[0], ids[1]);
  assert.equal(new Set(ids[0]).size, 3_000);
});

test('a key of a bulk means nothing to a single submission', async () => {
  const headers = { 'idempotency-key': 'alone' };
  const { lines } = await post('{"input":1}', { headers });
  const { json } = await send('POST /v2/echo/run', { body: '{"input":2}', headers });
  assert.notEqual(json.id, lines[0].id);
});

test('a full queue still answers repeats, which take no room from other lines', async () => {
  await intake.makeEndpoint('repeats', { limits: { maxQueued: 2 } });
  const again = { endpoint: 'repeats', headers: { 'idempotency-key': 'k' } };
  const [first] = (await post('{"input":1}', again)).lines;
  const { lines } = await post('{"input":1}\n{"input":2}\n{"input":3}', again);
  assert.deepEqual(lines[0], first);
  assert.equal(lines[1].status, 'IN_QUEUE');
  assert.equal(lines[2].code, 'endpoint.queue_full');
  const full = await post('{"input":1}\n{"input":2}\n{"input":3}', again);
  assert.deepEqual(full.lines.slice(0, 2), lines.slice(0, 2));
  assert.equal(full.lines[2].code, 'endpoint.queue_full');
});

test('the queue takes what it has room for, and the other lines are 429', async () => {
  await intake.makeEndpoint('small', { limits: { maxQueued: 1_300 } });
  const body = Array.from({ length: 2_000 }, (_, n) => `{"input":${n}}`).join('\n');
  const { lines } = await post(body, { endpoint: 'small' });
  assert.equal(lines.filter(({ id }) => id !== undefined).length, 1_300);
  assert.equal(lines[1_299].status, 'IN_QUEUE');
  const { code, line, status, retryAfterSeconds } = lines[1_300];
  assert.deepEqual([code, line, status, retryAfterSeconds], ['endpoint.queue_full', 1_301, 429, 5]);
  assert.equal(lines.length, 2_000);
});

test('who may not submit is told so before the body is read', async () => {
  const line = 'POST /v1/endpoints/echo/jobs/bulk';
  const body = '{"input":1}';
  const reader = await intake.makeKey(['read']);
  const elsewhere = await intake.makeKey(['submit'], ['small']);
  const submitter = await intake.makeKey(['submit'], ['echo']);
  const expected: readonly [string, string | null, string, object, number][] = [
    ['no key', null, line, NDJSON, 401],
    ['no scope', reader, line, NDJSON, 403],
    ["another's endpoint", elsewhere, line, NDJSON, 404],
    ['no endpoint', submitter, 'POST /v1/endpoints/nowhere/jobs/bulk', NDJSON, 404],
    ['JSON', submitter, line, {}, 415],
    ['compressed', submitter, line, { ...NDJSON, 'content-encoding': 'gzip' }, 415],
    ['key too long', submitter, line, { ...NDJSON, 'idempotency-key': 'k'.repeat(241) }, 400],
    ['all well', submitter, line, { ...NDJSON, 'idempotency-key': 'k'.repeat(240) }, 200],
  ];
  for (const [why, key, path, headers, status] of expected) {
    const answer = await send(path, { key, body, headers: { ...headers } });
    assert.equal(answer.status, status, `${why}: ${answer.text}`);
  }
  const unread = openBulk(intake.url, 'echo', { authorization: 'nobody' });
  assert.equal((await unread.began).statusCode, 401);
  unread.request.destroy();
});

test('a line is answered while the next one is not sent yet', async () => {
  const bulk = openBulk(intake.url, 'echo');
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) {
    await bulk.write(`{"input":${n}}\n`);
    ids.push((await bulk.next()).id);
    assert.equal((await send(`GET /v2/echo/status/${ids[n]}`)).json.status, 'IN_QUEUE');
  }
  bulk.end();
  assert.deepEqual(await bulk.rest(), []);
  assert.deepEqual(await inputsOf(ids), ['0', '1', '2']);
});

test('no more than eight are read at a time', async () => {
  const bulks = Array.from({ length: 8 }, () => openBulk(intake.url, 'echo'));
  for (const bulk of bulks) assert.equal((await bulk.began).statusCode, 200);
  const answer = await send('POST /v1/endpoints/echo/jobs/bulk', { body: '', headers: NDJSON });
  assert.equal(answer.status, 503);
  assert.equal(answer.json.code, 'service.overloaded');
  for (const bulk of bulks) bulk.end();
  for (const bulk of bulks) assert.deepEqual(await bulk.rest(), []);
  await post('{"input":1}');
});

test('the API describes it', async () => {
  const { json } = await send('GET /openapi.json', { key: null });
  const { post: described } = json.paths['/v1/endpoints/{endpoint}/jobs/bulk'];
  assert.deepEqual(Object.keys(described.requestBody.content), ['application/x-ndjson']);
  assert.deepEqual(Object.keys(described.responses[200].content), ['application/x-ndjson']);
  assert.equal(described['x-switchyard-scope'], 'submit');
});

test('nothing of this broke a rule, or was worth a complaint in the log', async () => {
  assert.deepEqual(await checkInvariants(intake.databaseUrl), []);
  assert.deepEqual(intake.complaints, []);
});
