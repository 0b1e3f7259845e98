import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { type EndpointId, uuidOf } from '@switchyard/contracts';
import { readRows } from './read-rows.ts';
import { ROOT_KEY, startIntake } from './start-intake.ts';

const intake = await startIntake();
after(() => intake[Symbol.asyncDispose]());
const echo = await intake.makeEndpoint('echo');
const { send } = intake;

const inputOf = async (id: string, endpointId: EndpointId = echo): Promise<Buffer | undefined> => {
  const uuid = uuidOf(id as Parameters<typeof uuidOf>[0]);
  const statement = 'select input from jobs where endpoint_id = $1 and job_id = $2';
  const rows = await readRows<{ input: Buffer }>(intake.databaseUrl, statement, [endpointId, uuid]);
  return rows[0]?.input;
};

test('an accepted job is queued and can be asked for', async () => {
  const run = await send('POST /v2/echo/run', { body: '{"input":{"n":1}}' });
  assert.equal(run.status, 200);
  assert.deepEqual(Object.keys(run.json), ['id', 'status']);
  assert.equal(run.json.status, 'IN_QUEUE');
  const { json } = await send(`GET /v2/echo/status/${run.json.id}`);
  assert.equal(json.status, 'IN_QUEUE');
  assert.equal(json.switchyard.priority, 'high');
  assert.equal(json.switchyard.attempt, 0);
  assert.equal(json.switchyard.waiting.reason, 'There is no worker yet.');
  assert.match(run.headers.get('content-type') ?? '', /^application\/json/);
});

test('the bytes of input are stored as they were sent', async () => {
  const inputs = [
    '12345678901234567890',
    '1e400',
    '-0',
    '0.1000',
    '"\\u0000\\ud800"',
    '{ "z" : 1,\n\t"a":[ ],"z": 2 , "__proto__":{"x":null} }',
    'null',
    'false',
    '""',
  ];
  for (const input of inputs) {
    const body = ` {"extra":{"input":1},"input" :${input} ,"more":[1e400]}\n`;
    const { status, text, json } = await send('POST /v2/echo/run', { body });
    assert.equal(status, 200, text);
    assert.equal((await inputOf(json.id))?.toString(), input);
  }
  const raw = Buffer.concat([Buffer.from('{"input":"'), Buffer.of(0xff, 0xc0), Buffer.from('"}')]);
  const { json } = await send('POST /v2/echo/run', { body: raw });
  assert.deepEqual(await inputOf(json.id), raw.subarray(9, -1));
});

test('unknown keys and the values of s3Config are nowhere in the database', async () => {
  const body = {
    input: 1,
    canaryKey: 'canary-value',
    s3Config: { accessId: 'canary-id', accessSecret: 'canary-secret', own: 'x' },
    policy: { ttl: 60_000, canaryPolicy: 'canary-policy' },
  };
  const { status, json, text } = await send('POST /v2/echo/run', { body });
  assert.equal(status, 200, text);
  const tables = ['jobs', 'job_secrets', 'queue', 'events', 'endpoints'];
  for (const table of tables) {
    const rows = await readRows(intake.databaseUrl, `select t::text as row from ${table} as t`);
    assert.doesNotMatch(JSON.stringify(rows), /canary|63616e617279/);
  }
  const [row] = await readRows<{ s3_config_enc: Buffer }>(
    intake.databaseUrl,
    'select s3_config_enc from job_secrets where job_id = $1',
    [json.id],
  );
  const plain = intake.sealer.open(
    row?.s3_config_enc ?? Buffer.alloc(0),
    `echo|${json.id}|s3Config`,
  );
  assert.deepEqual(JSON.parse(plain.toString()), body.s3Config);
  const status2 = await send(`GET /v2/echo/status/${json.id}`);
  assert.doesNotMatch(status2.text, /canary/);
});

/** With an s3Config of so many bytes of JSON. */
const withS3Config = (bytes: number): string =>
  `{"input":1,"s3Config":{"key":"${'x'.repeat(bytes - 10)}"}}`;

const REFUSED: readonly [string, string, RegExp][] = [
  ['', 'request.body_invalid', /empty/],
  ['{', 'request.body_invalid', /not JSON/],
  ['[]', 'request.body_invalid', /object/],
  ['{}', 'request.invalid', /lacks "input"/],
  ['{"Input":1}', 'request.invalid', /lacks "input"/],
  ['{"input":1,"input":2}', 'request.body_invalid', /"input" twice/],
  ['{"input":1,"webhook":false}', 'request.invalid', /^webhook .*false/],
  ['{"input":1,"webhook":7}', 'request.invalid', /^webhook .*7/],
  ['{"input":1,"webhook":"http://127.1/x"}', 'request.webhook_refused', /^webhook /],
  ['{"input":1,"webhook":"ftp://example.com"}', 'request.webhook_refused', /^webhook /],
  ['{"input":1,"webhook":"http://e.com/\\u0000"}', 'request.invalid', /^webhook .*U\+0000/],
  ['{"input":1,"s3Config":false}', 'request.invalid', /^s3Config must be an object/],
  ['{"input":1,"s3Config":["s"]}', 'request.invalid', /^s3Config must be an object/],
  ['{"input":1,"s3Config":{"bucketName":{"deep":"canary"}}}', 'request.invalid', /"bucketName"/],
  [withS3Config(65_537), 'request.invalid', /^s3Config .*at most 65536 bytes.*65537/],
  ['{"input":1,"policy":false}', 'request.invalid', /^policy .*false/],
  ['{"input":1,"policy":[]}', 'request.invalid', /^policy /],
  ['{"input":1,"policy":{"ttl":9999}}', 'request.invalid', /policy\.ttl .*>= 10000.*9999/],
  [
    '{"input":1,"policy":{"ttl":604800001}}',
    'request.invalid',
    /policy\.ttl .*604800000.*604800001/,
  ],
  ['{"input":1,"policy":{"ttl":60000.5}}', 'request.invalid', /policy\.ttl .*60000\.5/],
  ['{"input":1,"policy":{"ttl":"60000"}}', 'request.invalid', /policy\.ttl .*"60000"/],
  ['{"input":1,"policy":{"ttl":1e400}}', 'request.invalid', /policy\.ttl .*Infinity/],
  ['{"input":1,"policy":{"ttl":-1}}', 'request.invalid', /policy\.ttl .*-1/],
  ['{"input":1,"policy":{"ttl":null}}', 'request.invalid', /policy\.ttl .*null/],
  ['{"input":1,"policy":{"ttl":true}}', 'request.invalid', /policy\.ttl .*true/],
  [
    '{"input":1,"policy":{"executionTimeout":5000}}',
    'request.invalid',
    /executionTimeout .*> 5000/,
  ],
  ['{"input":1,"policy":{"executionTimeout":604800001}}', 'request.invalid', /604800000/],
  ['{"input":1,"policy":{"executionTimeout":[]}}', 'request.invalid', /executionTimeout .*\[\]/],
  ['{"input":1,"policy":{"lowPriority":1}}', 'request.invalid', /policy\.lowPriority .*1/],
  ['{"input":1,"policy":{"lowPriority":null}}', 'request.invalid', /policy\.lowPriority/],
  [`{"input":${'['.repeat(129)}${']'.repeat(129)}}`, 'request.too_deep', /128/],
];

test('what is not a submission is a 400 that says why', async () => {
  for (const [body, code, detail] of REFUSED) {
    const { status, json, headers } = await send('POST /v2/echo/run', { body });
    assert.equal(status, 400, body.slice(0, 80));
    assert.equal(json.code, code, json.detail);
    assert.match(json.detail, detail);
    assert.equal(json.error, json.detail);
    assert.doesNotMatch(json.detail, /canary/);
    assert.match(headers.get('content-type') ?? '', /^application\/problem\+json/);
  }
});

test('an s3Config may be as large as an assign carries', async () => {
  const { status, text } = await send('POST /v2/echo/run', { body: withS3Config(65_536) });
  assert.equal(status, 200, text);
});

test('policies at their bounds are taken, and hold for the job', async () => {
  const bounds = [
    { ttl: 10_000 },
    { ttl: 604_800_000 },
    { executionTimeout: 5_001 },
    { executionTimeout: 604_800_000 },
    { lowPriority: true },
    { lowPriority: false },
    {},
  ];
  for (const policy of bounds) {
    const { status, text, json } = await send('POST /v2/echo/run', { body: { input: 1, policy } });
    assert.equal(status, 200, text);
    const [row] = await readRows(
      intake.databaseUrl,
      `select ttl_ms::float8, execution_timeout_ms::float8, low_priority
        from jobs where job_id = $1`,
      [json.id],
    );
    assert.deepEqual(row, {
      ttl_ms: policy.ttl ?? 86_400_000,
      execution_timeout_ms: policy.executionTimeout ?? 600_000,
      low_priority: policy.lowPriority ?? false,
    });
  }
  const deep = `{"input":${'['.repeat(128)}${']'.repeat(128)}}`;
  assert.equal((await send('POST /v2/echo/run', { body: deep })).status, 200);
});

const bodyOf = (bytes: number): string => `{"input":"${'x'.repeat(bytes - 12)}"}`;

test('bodies up to the limit are taken, one byte more is 413', async () => {
  const run = await send('POST /v2/echo/run', { body: bodyOf(10_485_760) });
  assert.equal(run.status, 200, run.text);
  assert.equal((await inputOf(run.json.id))?.length, 10_485_760 - 10);
  const over = await send('POST /v2/echo/run', { body: bodyOf(10_485_761) });
  assert.equal(over.status, 413);
  assert.equal(over.json.code, 'request.too_large');
  const sync = await send('POST /v2/echo/runsync?wait=1000', { body: bodyOf(20_971_520) });
  assert.equal(sync.status, 200, sync.text);
  assert.match(sync.json.id, /^sync-/);
  const overSync = await send('POST /v2/echo/runsync', { body: bodyOf(20_971_521) });
  assert.equal(overSync.status, 413);
});

test('a chunked body without a length is held to the limit too', async () => {
  const chunk = Buffer.alloc(1_048_576, 0x20);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let i = 0; i < 11; i += 1) controller.enqueue(chunk);
      controller.close();
    },
  });
  const authorization = ROOT_KEY;
  const settings = { method: 'POST', body, headers: { authorization }, duplex: 'half' };
  const answer = await fetch(`${intake.url}/v2/echo/run`, settings as RequestInit);
  assert.equal(answer.status, 413);
});

test('only JSON is taken, by whatever the headers say', async () => {
  const body = '{"input":1}';
  const types: readonly [string, number][] = [
    ['application/json', 200],
    ['application/json; charset=utf-8', 200],
    ['application/json;charset=UTF-8', 200],
    ['application/json; charset=utf-16', 415],
    ['application/x-www-form-urlencoded', 415],
    ['text/plain', 415],
    ['multipart/form-data; boundary=x', 415],
    ['rubbish', 415],
  ];
  for (const [type, expected] of types) {
    const answer = await send('POST /v2/echo/run', { body, headers: { 'content-type': type } });
    assert.equal(answer.status, expected, type);
  }
  const encoded = { 'content-encoding': 'gzip' };
  const packed = await send('POST /v2/echo/run', { body, headers: encoded });
  assert.equal(packed.json.code, 'request.media_type');
  const bytes = Buffer.from(body);
  const untyped = await fetch(`${intake.url}/v2/echo/run`, {
    method: 'POST',
    body: bytes,
    headers: { authorization: ROOT_KEY },
  });
  assert.equal(untyped.status, 200);
});

test('null for a key that may be left out says that it is', async () => {
  const body = '{"input":1,"webhook":null,"policy":null,"s3Config":null}';
  const { status, text } = await send('POST /v2/echo/run', { body });
  assert.equal(status, 200, text);
});

test("the answer carries the client's request id where it is a plain one", async () => {
  const idOf = async (id: string) =>
    (await send('GET /healthz', { headers: { 'x-request-id': id } })).headers.get('x-request-id');
  assert.equal(await idOf('my-id_1.2'), 'my-id_1.2');
  assert.notEqual(await idOf('a b'), 'a b');
  assert.notEqual(await idOf('x'.repeat(65)), 'x'.repeat(65));
  for (const line of ['GET /nowhere', 'PUT /v1/keys', 'GET /v2/echo/health', 'GET /%ff']) {
    const answer = await send(line, { key: null });
    assert.match(answer.headers.get('x-request-id') ?? '', /^[\w.-]{1,64}$/, line);
  }
});

test('what is no HTTP gets a problem and a closed connection', async () => {
  const { port } = new URL(intake.url);
  const talk = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(text));
      let answer = '';
      socket.on('data', (data) => {
        answer += data.toString();
      });
      socket.on('end', () => resolve(answer));
      socket.on('error', reject);
    });
  assert.match(await talk('rubbish\r\n\r\n'), /^HTTP\/1\.1 400 .*problem\+json/s);
  const smuggled = 'POST /v2/echo/run HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n';
  assert.match(
    await talk(`${smuggled}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
    /^HTTP\/1\.1 400/,
  );
  const long = `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`;
  assert.match(await talk(long), /^HTTP\/1\.1 431 /);
});

test('a full queue is 429 and says when to come back', async () => {
  await intake.makeEndpoint('small', { limits: { maxQueued: 3 } });
  const statuses: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    const answer = await send('POST /v2/small/run', { body: { input: i } });
    statuses.push(answer.status);
    if (answer.status === 429) assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
  }
  assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
});

test('every job of a burst is stored once, and counted', async () => {
  await intake.makeEndpoint('burst');
  const runs = await Promise.all(
    Array.from({ length: 500 }, (_, i) => send('POST /v2/burst/run', { body: { input: i } })),
  );
  assert.equal(new Set(runs.map(({ json }) => json.id)).size, 500);
  assert.equal((await send('GET /v2/burst/health')).json.jobs.inQueue, 500);
});

test('nothing of this was worth a complaint in the log', () => {
  assert.deepEqual(intake.complaints, []);
});
