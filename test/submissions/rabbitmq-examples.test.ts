import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { openProducer } from '../support/open-producer.ts';
import { startRabbit } from '../support/rabbitmq.ts';
import { openEchoSystem, runExample, testClientExample } from './examples-suite.ts';

const started = new AsyncDisposableStack();
after(() => started.disposeAsync());
const managementPort = String(await freePort());
const rabbit = started.use(
  await startRabbit({
    plugins: ['rabbitmq_management'],
    config: `management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = ${managementPort}`,
  }),
);
started.use(await openEchoSystem(rabbit.url));

test('the example with amqplib follows its job to the end', () =>
  testClientExample('rabbitmq.ts', rabbit.url));

test('the example with rabbitmqadmin submits, once for a message id', async () => {
  const server = ['127.0.0.1', managementPort, '/', 'guest', 'guest'];
  const body = '{"input":{"n":1}}';
  const id = randomUUID();
  const lines = await runExample('rabbitmqadmin.sh', [...server, 'echo', body, id]);
  assert(lines.includes('Message published'), lines.join('\n'));
  const [got] = JSON.parse(lines.at(-1) ?? '[]');
  const accepted = JSON.parse(got.payload);
  assert.equal(accepted.status, 'IN_QUEUE');
  await using producer = await openProducer(rabbit.url);
  const repeat = JSON.parse((await producer.ask({ endpoint: 'echo', body, id })).toString());
  assert.equal(repeat.id, accepted.id);
});
