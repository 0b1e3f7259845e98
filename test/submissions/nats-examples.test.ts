import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { startNats } from '../support/nats.ts';
import { openProducer } from '../support/open-producer.ts';
import { openEchoSystem, runExample, testClientExample } from './examples-suite.ts';

const started = new AsyncDisposableStack();
after(() => started.disposeAsync());
const nats = started.use(await startNats());
const switchyard = started.use(await openEchoSystem(nats.url));

test('the example with the client of NATS follows its job to the end', () =>
  testClientExample('nats.ts', nats.url));

test('the example in plain text through nc submits, once for a message id', async () => {
  const { hostname, port } = new URL(nats.url);
  const body = '{"input":{"n":12345678901234567890,"text":"größer"}}';
  const id = randomUUID();
  const lines = await runExample('nats-text.sh', [hostname, port, 'echo', body, id]);
  const answers = lines.map((line) => JSON.parse(line));
  const accepted = answers.find(({ status }) => status !== undefined);
  const stored = answers.find(({ stream }) => stream !== undefined);
  assert.equal(accepted?.status, 'IN_QUEUE');
  assert.equal(stored?.stream, 'SWITCHYARD_SUBMIT');
  await using producer = await openProducer(nats.url);
  const repeat = JSON.parse((await producer.ask({ endpoint: 'echo', body, id })).toString());
  assert.equal(repeat.id, accepted.id);
  const headers = { authorization: switchyard.apiKey };
  const status = await fetch(`${switchyard.apiUrl}/v2/echo/status-sync/${accepted.id}`, {
    headers,
  });
  assert.match(await status.text(), /"output":\{"n":12345678901234567890,"text":"größer"\}/);
});
