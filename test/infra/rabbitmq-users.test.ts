import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import amqp, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import type { BrokerServers, BrokerUser } from '../support/broker-servers.ts';
import { startRabbitWithUsers } from '../support/rabbitmq-cluster.ts';
import { migrateBroker } from '../support/run-migrate.ts';
import { ENDPOINT, startWithUsers } from './run-with-users.ts';

/** What a user tries on a channel of its own; the server closes it with 403 where it may not. */
type Try = (channel: ConfirmChannel) => Promise<unknown>;

const QUORUM = { durable: true, arguments: { 'x-queue-type': 'quorum' } };

const publish =
  (exchange: string, key: string): Try =>
  async (channel) => {
    channel.publish(exchange, key, Buffer.from('{}'));
    await channel.waitForConfirms();
  };
const consume =
  (queue: string): Try =>
  (channel) =>
    channel.consume(queue, () => undefined);
const makeQueue =
  (queue: string): Try =>
  (channel) =>
    channel.assertQueue(queue, QUORUM);
const makeExchange =
  (exchange: string): Try =>
  (channel) =>
    channel.assertExchange(exchange, 'topic');
/** Hears a topic by a queue of the kind that the user may make. */
const hear =
  (exchange: string, key: string, queue: string): Try =>
  async (channel) => {
    await channel.assertQueue(queue, queue.startsWith('watcher') ? QUORUM : { exclusive: true });
    await channel.bindQueue(queue, exchange, key);
  };
const deleteQueue =
  (queue: string): Try =>
  (channel) =>
    channel.deleteQueue(queue);

const OWN_HINTS = 'switchyard.hints.00000000-0000-4000-8000-000000000000';
const HINTS = 'switchyard.hints';

/** `may` beside `mayNot` shows that the refusals are for a reason. */
const TRIES: Readonly<
  Partial<Record<BrokerUser, { may: Record<string, Try>; mayNot: Record<string, Try> }>>
> = {
  producer: {
    may: {
      'take answers': (channel) =>
        channel.consume('amq.rabbitmq.reply-to', () => undefined, { noAck: true }),
    },
    mayNot: {
      'submit to another endpoint': publish('switchyard.submit', 'other'),
      'send a hint': publish(HINTS, 'switchyard.hint.nudge.echo'),
      'tell an event': publish('switchyard.events', 'echo.completed'),
      'ask our requests': publish('switchyard.requests', 'switchyard.rpc.submit.echo'),
      'write into a queue': publish('', 'switchyard.submit'),
      'read submissions': consume('switchyard.submit'),
      'read dead letters': consume('switchyard.dead'),
      'make a queue': makeQueue('producer.own'),
      'make an exchange': makeExchange('producer.own'),
      'delete the submissions': deleteQueue('switchyard.submit'),
    },
  },
  watcher: {
    may: { 'hear events': hear('switchyard.events', `${ENDPOINT}.*`, 'watcher.own') },
    mayNot: {
      'tell an event': publish('switchyard.events', 'echo.completed'),
      submit: publish('switchyard.submit', ENDPOINT),
      'hear events of another endpoint': hear('switchyard.events', 'other.*', 'watcher.own'),
      'hear all events': hear('switchyard.events', '#', 'watcher.own'),
      'hear hints': hear(HINTS, 'switchyard.hint.#', 'watcher.own'),
      'hear submissions': hear('switchyard.submit', '#', 'watcher.own'),
      'read submissions': consume('switchyard.submit'),
    },
  },
  intake: {
    may: {
      nudge: publish(HINTS, 'switchyard.hint.nudge.echo'),
      'hear changes': hear(HINTS, 'switchyard.hint.changed', OWN_HINTS),
    },
    mayNot: {
      assign: publish(HINTS, 'switchyard.hint.assign.x'),
      'tell demand': publish(HINTS, 'switchyard.hint.demand.x'),
      'tell an event': publish('switchyard.events', 'echo.completed'),
      submit: publish('switchyard.submit', ENDPOINT),
      'hear assigns': hear(HINTS, 'switchyard.hint.assign.*', OWN_HINTS),
      'hear all hints': hear(HINTS, '#', OWN_HINTS),
      'delete the submissions': deleteQueue('switchyard.submit'),
      'read dead letters': consume('switchyard.dead'),
    },
  },
  scheduler: {
    may: {
      assign: publish(HINTS, 'switchyard.hint.assign.x'),
      'hear demand': hear(HINTS, 'switchyard.hint.demand.x', OWN_HINTS),
    },
    mayNot: {
      'tell demand': publish(HINTS, 'switchyard.hint.demand.x'),
      'hear assigns': hear(HINTS, 'switchyard.hint.assign.*', OWN_HINTS),
      'tell an event': publish('switchyard.events', 'echo.completed'),
      submit: publish('switchyard.submit', ENDPOINT),
      'read submissions': consume('switchyard.submit'),
    },
  },
  supervisor: {
    may: {
      'tell demand': publish(HINTS, 'switchyard.hint.demand.x'),
      'hear assigns': hear(HINTS, 'switchyard.hint.assign.x', OWN_HINTS),
    },
    mayNot: {
      assign: publish(HINTS, 'switchyard.hint.assign.x'),
      stop: publish(HINTS, 'switchyard.hint.stop'),
      'hear demand': hear(HINTS, 'switchyard.hint.demand.*', OWN_HINTS),
      'tell an event': publish('switchyard.events', 'echo.completed'),
      'read submissions': consume('switchyard.submit'),
    },
  },
  notifier: {
    may: {
      'tell an event': publish('switchyard.events', 'none.completed'),
      'tell progress': publish(HINTS, 'switchyard.events.none.progress'),
      'hear what is due': hear(HINTS, 'switchyard.hint.due', OWN_HINTS),
    },
    mayNot: {
      nudge: publish(HINTS, 'switchyard.hint.nudge.echo'),
      'hear assigns': hear(HINTS, 'switchyard.hint.assign.*', OWN_HINTS),
      submit: publish('switchyard.submit', ENDPOINT),
      'read submissions': consume('switchyard.submit'),
      'delete the exchange of events': (channel) => channel.deleteExchange('switchyard.events'),
    },
  },
};

/** The code with which the server refused; undefined where it did not. */
const refusalOf = async (connection: ChannelModel, attempt: Try): Promise<number | undefined> => {
  const channel = await connection.createConfirmChannel();
  const closed = new Promise<number | undefined>((resolve) => {
    channel.once('error', (error: { readonly code?: number }) => resolve(error.code));
  });
  try {
    await Promise.race([attempt(channel), closed]);
    // A publication that is not allowed is confirmed by nothing; a round trip shows which.
    await channel.checkExchange('amq.topic');
    await channel.close();
    return undefined;
  } catch {
    return await closed;
  }
};

describe('the users of infra/rabbitmq', { timeout: 300_000 }, () => {
  let servers: BrokerServers;

  before(async () => {
    servers = await startRabbitWithUsers();
    await migrateBroker(servers.url('operator'));
  });
  after(() => servers[Symbol.asyncDispose]());

  for (const [user, { may, mayNot }] of Object.entries(TRIES)) {
    it(`${user} may do what it needs and nothing else`, async () => {
      const connection = await amqp.connect(servers.url(user as BrokerUser));
      connection.on('error', () => undefined);
      try {
        for (const [what, attempt] of Object.entries(may)) {
          assert.equal(await refusalOf(connection, attempt), undefined, what);
        }
        for (const [what, attempt] of Object.entries(mayNot)) {
          assert.equal(await refusalOf(connection, attempt), 403, what);
        }
      } finally {
        await connection.close();
      }
    });
  }

  it('nobody else comes in, guest least of all', async () => {
    const [node] = servers.nodes;
    assert(node !== undefined);
    const at = `127.0.0.1:${node.port}/switchyard`;
    await assert.rejects(amqp.connect(`amqp://guest:guest@${at}`), /ACCESS_REFUSED/);
    await assert.rejects(amqp.connect(`amqp://producer:@${at}`), /ACCESS_REFUSED/);
  });

  it('the services do with them all that they have to, and a producer and a watcher', async () => {
    await using started = new AsyncDisposableStack();
    const watcher = await amqp.connect(servers.url('watcher'));
    started.defer(() => watcher.close());
    const events = await watcher.createChannel();
    await events.assertQueue('watcher.journey', QUORUM);
    await events.bindQueue('watcher.journey', 'switchyard.events', `${ENDPOINT}.*`);
    const types: string[] = [];
    const whenTypes = new Map<number, () => void>();
    await events.consume('watcher.journey', (message) => {
      if (message === null) return;
      types.push(String(JSON.parse(message.content.toString()).type));
      events.ack(message);
      whenTypes.get(types.length)?.();
    });
    const untilTypes = (count: number): Promise<void> =>
      new Promise((resolve) => {
        if (types.length >= count) resolve();
        else whenTypes.set(count, resolve);
      });
    const system = started.use(await startWithUsers(servers));
    await system.submitJob();
    // The events of two jobs have no order between them.
    await untilTypes(3);

    const producer = await amqp.connect(servers.url('producer'));
    started.defer(() => producer.close());
    const asking = await producer.createConfirmChannel();
    const answer = Promise.withResolvers<string>();
    const take = { noAck: true };
    const hearAnswer = (message: { content: Buffer } | null): void =>
      answer.resolve(message?.content.toString() ?? '');
    await asking.consume('amq.rabbitmq.reply-to', hearAnswer, take);
    asking.publish('switchyard.submit', ENDPOINT, Buffer.from('{"input":{"n":2}}'), {
      messageId: 'one',
      replyTo: 'amq.rabbitmq.reply-to',
      mandatory: true,
    });
    assert.equal(JSON.parse(await answer.promise).status, 'IN_QUEUE');
    await untilTypes(6);
    const STEPS = ['accepted', 'started', 'completed'].map((step) => `switchyard.job.${step}`);
    assert.deepEqual(types, [...STEPS, ...STEPS]);
    assert.equal(await system.completed(), 2);
    assert.deepEqual(await system.complaints(), []);
  });
});
