import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { TestIntake } from '../intake/start-intake.ts';
import type { DeadLetter, HeardEvent, Producer } from '../support/producer.ts';

export type Ground = { readonly intake: TestIntake; readonly producer: Producer };

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
const parsed = (body: Buffer): any => JSON.parse(body.toString('utf8'));

/** Waits for `look` to hold; a broker tells nobody when a message is settled. */
const until = async (look: () => Promise<boolean>): Promise<void> => {
  while (!(await look())) await pause(20);
};

const countOf = async ({ intake }: Ground, endpoint: string): Promise<number> =>
  (await intake.send(`GET /v2/${endpoint}/health`)).json.jobs.inQueue;

/** The note on the message of this id, which may come after its answer. */
export const letterFor = async ({ producer }: Ground, id: string): Promise<DeadLetter> => {
  for (;;) {
    const found = (await producer.deadLetters()).find(
      ({ headers }) => headers['Switchyard-Id'] === id,
    );
    if (found !== undefined) return found;
    await pause(20);
  }
};

/** What never can be taken: the endpoint, the body, and what the reason must say. */
const POISON: readonly (readonly [string, string | Buffer, RegExp])[] = [
  ['echo', '{"input":', /not JSON/],
  ['echo', '', /empty/],
  ['echo', '[1]', /must be a JSON object/],
  ['echo', '{"policy":{}}', /lacks "input"/],
  ['echo', '{"input":1,"input":2}', /"input" twice/],
  ['echo', '{"input":1,"policy":{"ttl":1}}', /policy\.ttl must be an integer >= 10000/],
  ['echo', '{"input":1,"webhook":"http://127.0.0.1/"}', /webhook/],
  ['echo', `{"input":${'['.repeat(200)}${']'.repeat(200)}}`, /128 levels/],
  ['echo', '{"input":1,"s3Config":{"accessSecret":5}}', /s3Config must be a string/],
  ['nowhere', '{"input":1}', /no endpoint/],
  ['Bad_Name', '{"input":1}', /no endpoint/],
];

/** What a producer meets on a real broker: one suite for each of them. */
export const submissionSuite = (ground: () => Ground): void => {
  testTaken(ground);
  testRefused(ground);
  testWaiting(ground);
  test('progress, which is told as a hint, reaches who consumes events', async () => {
    const { intake, producer } = ground();
    const heard = Promise.withResolvers<HeardEvent>();
    await producer.hearEvents(heard.resolve);
    const body = Buffer.from('{"output":0.50}');
    intake.broker.hint('switchyard.events.echo.progress', body);
    assert.deepEqual(await heard.promise, { topic: 'switchyard.events.echo.progress', body });
  });
  test('nothing of this was an error in the log', () => {
    const errors = ground().intake.complaints.filter((line) => line.includes('"level":"error"'));
    assert.deepEqual(errors, []);
  });
};

const testTaken = (ground: () => Ground): void => {
  test('a published submission is a job, with its bytes as they were sent', async () => {
    const { intake, producer } = ground();
    await intake.makeEndpoint('bytes');
    const input = '{"n": 12345678901234567890, "f":0.1000,"u":"\\u0000"}';
    const answer = await producer.publishAndHear({
      endpoint: 'bytes',
      body: `{"input":${input} ,"other":1}`,
    });
    const { id, status } = parsed(answer);
    assert.equal(status, 'IN_QUEUE');
    assert.equal((await intake.send(`GET /v2/bytes/status/${id}`)).json.status, 'IN_QUEUE');
    const [row] = await intake.store.run<{ input: Buffer }>(
      { name: 'inputs', text: 'select input from jobs where endpoint_id = $1' },
      ['bytes'],
    );
    assert.equal(row?.input.toString('utf8'), input);
    await until(async () => (await producer.waiting()) === 0);
  });

  test('a message id makes it idempotent, published or asked, and apart from HTTP', async () => {
    const { intake, producer } = ground();
    await intake.makeEndpoint('twice');
    const publication = { endpoint: 'twice', body: '{"input":1}', id: randomUUID() };
    const first = parsed(await producer.publishAndHear(publication));
    const again = parsed(await producer.ask(publication));
    assert.deepEqual(again, first);
    const headers = { 'idempotency-key': publication.id };
    const http = await intake.send('POST /v2/twice/run', { body: publication.body, headers });
    assert.notEqual(http.json.id, first.id);
    await intake.send(`POST /v2/twice/cancel/${first.id}`);
    assert.deepEqual(parsed(await producer.ask(publication)), { ...first, status: 'CANCELLED' });
    const other = parsed(await producer.ask({ ...publication, body: '{"input":2}' }));
    assert.equal(other.code, 'idempotency.mismatch');
    assert.equal(await countOf(ground(), 'twice'), 1);
  });

  test('who publishes again for want of an answer is answered', async () => {
    const { intake, producer } = ground();
    await intake.makeEndpoint('unheard');
    const publication = { endpoint: 'unheard', body: '{"input":1}', id: randomUUID() };
    await producer.publish(publication);
    await until(async () => (await countOf(ground(), 'unheard')) === 1);
    // For a second NATS drops what has the id of another message.
    await pause(1_500);
    const { id } = parsed(await producer.publishAndHear(publication));
    assert.equal((await intake.send(`GET /v2/unheard/status/${id}`)).json.status, 'IN_QUEUE');
    assert.equal(await countOf(ground(), 'unheard'), 1);
  });

  test('who asks and waits hears the id, or the problem', async () => {
    const { intake, producer } = ground();
    await intake.makeEndpoint('asked');
    const { id } = parsed(await producer.ask({ endpoint: 'asked', body: '{"input":1}' }));
    assert.equal((await intake.send(`GET /v2/asked/status/${id}`)).status, 200);
    const problem = parsed(await producer.ask({ endpoint: 'asked', body: '{"input":1,' }));
    assert.equal(problem.code, 'request.body_invalid');
    assert.equal(problem.status, 400);
    const absent = parsed(await producer.ask({ endpoint: 'absent', body: '{"input":1}' }));
    assert.equal(absent.code, 'endpoint.not_found');
  });
};

const testRefused = (ground: () => Ground): void => {
  test('what can never be taken is told, and noted without its body', async () => {
    const { intake, producer } = ground();
    await intake.makeEndpoint('echo');
    for (const [endpoint, body, reason] of POISON) {
      const id = randomUUID();
      const problem = parsed(await producer.publishAndHear({ endpoint, body, id }));
      assert.match(problem.detail, reason);
      const { topic, body: note, headers } = await letterFor(ground(), id);
      assert.equal(topic, `switchyard.dead.${endpoint === 'Bad_Name' ? 'unknown' : endpoint}`);
      assert.match(headers['Switchyard-Reason'] ?? '', reason);
      assert.equal(headers['Switchyard-Topic'], `switchyard.submit.${endpoint}`);
      assert.equal(headers['Switchyard-Length'], String(Buffer.byteLength(body)));
      const sha256 = createHash('sha256').update(body).digest('hex');
      assert.equal(headers['Switchyard-Sha256'], sha256);
      assert.equal(note.length, 0);
    }
    assert.equal(await countOf(ground(), 'echo'), 0);
    await until(async () => (await producer.waiting()) === 0);
  });

  test('a note says nothing of the values that were sent', async () => {
    const { intake, producer } = ground();
    await intake.makeEndpoint('canary');
    const id = randomUUID();
    const body =
      '{"input":1,"policy":{"ttl":"canary-value"},"s3Config":{"accessSecret":"canary-secret"}}';
    const problem = parsed(await producer.publishAndHear({ endpoint: 'canary', body, id }));
    assert.match(problem.detail, /policy\.ttl/);
    const { headers } = await letterFor(ground(), id);
    assert.match(headers['Switchyard-Reason'] ?? '', /policy\.ttl must be an integer/);
    assert.doesNotMatch(JSON.stringify(headers), /canary-value|canary-secret/);
    assert.doesNotMatch(intake.complaints.join(''), /canary-value|canary-secret/);
  });
};

const testWaiting = (ground: () => Ground): void => {
  test('a full queue lets submissions wait, and takes them when there is room', async () => {
    const { intake, producer } = ground();
    await intake.makeEndpoint('full', { limits: { maxQueued: 1 } });
    await producer.publishAndHear({ endpoint: 'full', body: '{"input":1}' });
    const asked = producer.publishAndHear({ endpoint: 'full', body: '{"input":2}' });
    await until(async () => /outcome="again"/.test((await intake.send('GET /metrics')).text));
    assert.equal(await countOf(ground(), 'full'), 1);
    assert.equal((await intake.send('POST /v2/full/purge-queue')).json.removed, 1);
    assert.equal(parsed(await asked).status, 'IN_QUEUE');
    assert.deepEqual(
      (await producer.deadLetters()).filter(({ topic }) => topic.endsWith('.full')),
      [],
    );
  });

  test('an endpoint that was made a moment ago is known', async () => {
    const { intake, producer } = ground();
    const ask = () => producer.publishAndHear({ endpoint: 'fresh', body: '{"input":1}' });
    assert.equal(parsed(await ask()).code, 'endpoint.not_found');
    // Behind the back of this intake, as another one makes it.
    await intake.store.run(
      {
        name: 'copy_endpoint',
        text: `insert into endpoints select (jsonb_populate_record(e,
          jsonb_build_object('endpoint_id', 'fresh'))).* from endpoints e where endpoint_id = $1`,
      },
      ['echo'],
    );
    assert.equal(parsed(await ask()).status, 'IN_QUEUE');
  });

  test('two thousand published at once are stored once each', async () => {
    const { intake, producer } = ground();
    await intake.makeEndpoint('many');
    const ids = Array.from({ length: 2_000 }, () => randomUUID());
    await Promise.all(
      ids.map((id) => producer.publish({ endpoint: 'many', body: '{"input":1}', id })),
    );
    await until(async () => (await countOf(ground(), 'many')) >= ids.length);
    await until(async () => (await producer.waiting()) === 0);
    assert.equal(await countOf(ground(), 'many'), ids.length);
  });
};
