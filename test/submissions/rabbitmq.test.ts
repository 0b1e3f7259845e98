import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { startIntake } from '../intake/start-intake.ts';
import { takeBroker } from '../support/brokers.ts';
import { openProducer } from '../support/open-producer.ts';
import { letterFor, submissionSuite } from './broker-suite.ts';

const started = new AsyncDisposableStack();
after(() => started.disposeAsync());
const rabbit = started.use(await takeBroker('rabbitmq', 'submissions'));
const intake = started.use(await startIntake({ brokerUrl: rabbit.url }));
const producer = started.use(await openProducer(rabbit.url));

submissionSuite(() => ({ intake, producer }));

test('a key that is empty or has dots names no endpoint', async () => {
  await intake.makeEndpoint('submit');
  await intake.makeEndpoint('dotted');
  for (const endpoint of ['', 'foo.dotted']) {
    const publication = { endpoint, body: '{"input":1}', id: randomUUID() };
    const problem = JSON.parse((await producer.publishAndHear(publication)).toString());
    assert.equal(problem.code, 'endpoint.not_found');
    const { topic } = await letterFor({ intake, producer }, publication.id);
    assert.equal(topic, 'switchyard.dead.unknown');
  }
});
