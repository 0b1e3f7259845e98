import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { Parser } from '@asyncapi/parser';
import { newInstanceId, validator } from '@switchyard/contracts';
import { createNotifier } from '@switchyard/notifier';
import { createLog, createMetrics, createTargetGuard } from '@switchyard/runtime';
import { startIntake } from '../intake/start-intake.ts';
import { startNats } from '../support/nats.ts';
import { openProducer } from '../support/open-producer.ts';
import type { HeardEvent } from '../support/producer.ts';

const started = new AsyncDisposableStack();
after(() => started.disposeAsync());
const nats = started.use(await startNats());
const intake = started.use(await startIntake({ brokerUrl: nats.url }));
const producer = started.use(await openProducer(nats.url));
const text = (await intake.send('GET /asyncapi.json', { key: null })).text;
const { messages } = JSON.parse(text).components;

/** Whether `value` is what the document says of `part` of that message. */
const fits = (message: string, value: unknown, part: 'payload' | 'headers' = 'payload'): boolean =>
  validator(messages[message][part])(value).ok;
const parsed = (body: Buffer): unknown => JSON.parse(body.toString('utf8'));

test('the document is one of AsyncAPI 3, without fault by its official parser', async () => {
  const { document, diagnostics } = await new Parser().parse(text);
  const [error, warning] = [0, 1];
  const faults = diagnostics.filter(({ severity }) => severity === error || severity === warning);
  assert.deepEqual(faults, []);
  assert.equal(document?.version(), '3.0.0');
  const channels = document?.channels().all() ?? [];
  const addresses = channels.flatMap((channel) => channel.address() ?? []);
  assert.deepEqual(addresses.sort(), [
    'switchyard.dead.{endpoint}',
    'switchyard.events.{endpoint}.{event}',
    'switchyard.rpc.submit.{endpoint}',
    'switchyard.submit.{endpoint}',
    '{endpoint}',
    '{endpoint}',
    '{endpoint}.{event}',
  ]);
  assert.equal(document?.operations().all().length, 7);
});

test('a document with a fault is not passed by that parser', async () => {
  const { diagnostics } = await new Parser().parse(text.replace('"action":"receive"', '"a":1'));
  assert(diagnostics.some(({ severity }) => severity === 0));
});

test('what really goes over the broker is as the document says', async () => {
  const events: HeardEvent[] = [];
  const heard = Promise.withResolvers<void>();
  await producer.hearEvents((event) => {
    events.push(event);
    heard.resolve();
  });
  const log = createLog({ level: 'error', service: 'notifier', instance: 'test', pretty: false });
  const notifier = createNotifier({
    ...intake,
    log,
    metrics: createMetrics({ service: 'notifier' }),
    targetGuard: createTargetGuard({ allowPrivateTargets: [] }),
    instance: newInstanceId(),
    drainMs: 1_000,
  });
  started.defer(() => notifier.stop());
  await notifier.start();
  await intake.makeEndpoint('echo');
  const submission = { input: 1, policy: { ttl: 60_000 }, s3Config: { accessId: 'a' } };
  assert(fits('natsSubmission', submission));
  assert(!fits('natsSubmission', { ...submission, policy: { ttl: 1 } }));
  const body = JSON.stringify(submission);
  const accepted = parsed(await producer.publishAndHear({ endpoint: 'echo', body }));
  assert(fits('accepted', accepted));
  assert(!fits('problem', accepted));
  const id = randomUUID();
  const problem = parsed(await producer.publishAndHear({ endpoint: 'none', body, id }));
  assert(fits('problem', problem));
  assert(!fits('accepted', problem));
  const [letter] = await producer.deadLetters();
  assert(fits('deadLetter', letter?.headers, 'headers'));
  assert(fits('deadLetter', letter?.body.toString('utf8')));
  await heard.promise;
  const event = parsed(events[0]?.body ?? Buffer.from('null'));
  assert(fits('event', event));
  assert(!fits('event', accepted));
});
