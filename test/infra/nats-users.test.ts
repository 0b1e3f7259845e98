import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { AckPolicy, Events, type NatsConnection } from 'nats';
import type { BrokerUser } from '../support/broker-servers.ts';
import { type NatsServers, startNatsWithUsers } from '../support/nats-cluster.ts';
import { migrateBroker } from '../support/run-migrate.ts';
import { ENDPOINT, startWithUsers } from './run-with-users.ts';

const REFUSED_WITHIN_MS = 10_000;

/** What each user tries; `may` beside `mayNot` shows that the refusals are for a reason. */
const TRIES: Readonly<
  Partial<
    Record<BrokerUser, { readonly may: readonly string[]; readonly mayNot: readonly string[] }>
  >
> = {
  producer: {
    may: ['subscribe _INBOX.producer.a.*'],
    mayNot: [
      'publish switchyard.submit.other',
      'publish switchyard.rpc.submit.other',
      'publish switchyard.hint.nudge.echo',
      'publish switchyard.hint.stop',
      'publish switchyard.events.echo.completed',
      'publish switchyard.dead.echo',
      'publish $JS.API.STREAM.INFO.SWITCHYARD_SUBMIT',
      'publish $JS.API.STREAM.MSG.GET.SWITCHYARD_SUBMIT',
      'publish $JS.API.CONSUMER.CREATE.SWITCHYARD_SUBMIT',
      'publish $JS.API.STREAM.PURGE.SWITCHYARD_SUBMIT',
      'publish $JS.ACK.SWITCHYARD_SUBMIT.intake.1.1.1.1.0',
      'subscribe switchyard.submit.echo',
      'subscribe switchyard.events.echo.*',
      'subscribe switchyard.>',
      'subscribe >',
      'subscribe _INBOX.>',
      'subscribe _INBOX.intake.>',
    ],
  },
  watcher: {
    may: ['subscribe switchyard.events.echo.*'],
    mayNot: [
      'publish switchyard.events.echo.completed',
      'publish switchyard.submit.echo',
      'publish $JS.API.CONSUMER.CREATE.SWITCHYARD_EVENTS',
      'publish $JS.API.CONSUMER.CREATE.SWITCHYARD_EVENTS.watcher.switchyard.events.>',
      'publish $JS.API.CONSUMER.DELETE.SWITCHYARD_EVENTS.watcher',
      'publish $JS.API.STREAM.MSG.GET.SWITCHYARD_EVENTS',
      'subscribe switchyard.events.other.*',
      'subscribe switchyard.hint.>',
    ],
  },
  intake: {
    may: ['publish switchyard.hint.nudge.echo', 'publish _INBOX.producer.a.b'],
    mayNot: [
      'publish switchyard.hint.assign.x',
      'publish switchyard.hint.demand.x',
      'publish switchyard.events.echo.completed',
      'publish switchyard.submit.echo',
      'publish $JS.API.STREAM.CREATE.SWITCHYARD_SUBMIT',
      'publish $JS.API.STREAM.DELETE.SWITCHYARD_SUBMIT',
      'publish $JS.API.STREAM.MSG.GET.SWITCHYARD_EVENTS',
      'subscribe switchyard.hint.assign.*',
      'subscribe switchyard.events.echo.*',
      'subscribe _INBOX.producer.>',
    ],
  },
  scheduler: {
    may: ['publish switchyard.hint.assign.x', 'subscribe switchyard.hint.demand.x'],
    mayNot: [
      'publish switchyard.hint.demand.x',
      'publish switchyard.events.echo.completed',
      'publish switchyard.submit.echo',
      'publish $JS.API.INFO',
      'subscribe switchyard.hint.assign.*',
      'subscribe switchyard.rpc.submit.*',
    ],
  },
  supervisor: {
    may: ['publish switchyard.hint.demand.x', 'subscribe switchyard.hint.assign.x'],
    mayNot: [
      'publish switchyard.hint.assign.x',
      'publish switchyard.hint.stop',
      'publish switchyard.events.echo.completed',
      'publish $JS.API.INFO',
      'subscribe switchyard.hint.demand.*',
      'subscribe switchyard.submit.*',
    ],
  },
  notifier: {
    may: ['publish switchyard.events.none.completed', 'subscribe switchyard.hint.due'],
    mayNot: [
      'publish switchyard.hint.nudge.echo',
      'publish switchyard.submit.echo',
      'publish $JS.API.STREAM.CREATE.SWITCHYARD_EVENTS',
      'publish $JS.API.STREAM.DELETE.SWITCHYARD_EVENTS',
      'publish $JS.API.STREAM.MSG.GET.SWITCHYARD_EVENTS',
      'subscribe switchyard.submit.*',
      'subscribe switchyard.hint.assign.*',
    ],
  },
};

/** Which of `tries` the server refuses. */
const refusedOf = async (
  connection: NatsConnection,
  tries: readonly string[],
  expected: number,
): Promise<string[]> => {
  const refused = new Set<string>();
  const { promise: allCame, resolve } = Promise.withResolvers<void>();
  const follow = async (): Promise<void> => {
    for await (const status of connection.status()) {
      const { operation, subject } = status.permissionContext ?? {};
      if (status.type !== Events.Error || operation === undefined) continue;
      refused.add(`${operation === 'publish' ? 'publish' : 'subscribe'} ${subject}`);
      if (refused.size >= expected) resolve();
    }
  };
  void follow();
  for (const one of tries) {
    const [operation, subject = ''] = one.split(' ');
    if (operation === 'publish') connection.publish(subject);
    else connection.subscribe(subject, { callback: () => undefined });
  }
  // Refusals come before the answer to what was sent after them.
  await connection.flush();
  await Promise.race([allCame, pause(REFUSED_WITHIN_MS, undefined, { ref: false })]);
  return [...refused];
};

describe('the users of infra/nats', { timeout: 300_000 }, () => {
  let servers: NatsServers;

  before(async () => {
    servers = await startNatsWithUsers();
    await migrateBroker(servers.url('operator'));
  });
  after(() => servers[Symbol.asyncDispose]());

  for (const [user, { may, mayNot }] of Object.entries(TRIES)) {
    it(`${user} may do what it needs and nothing else`, async () => {
      const connection = await servers.connect(user as BrokerUser);
      try {
        const refused = await refusedOf(connection, [...mayNot, ...may], mayNot.length);
        assert.deepEqual(refused.sort(), [...mayNot].sort());
      } finally {
        await connection.close();
      }
    });
  }

  it('nobody else comes in', async () => {
    await assert.rejects(servers.connect('producer', 'not its password'), /AUTHORIZATION/i);
  });

  it('the services do with them all that they have to, and a producer and a watcher', async () => {
    await using started = new AsyncDisposableStack();
    const operator = await servers.connect('operator');
    started.defer(() => operator.close());
    const manager = await operator.jetstreamManager();
    await manager.consumers.add('SWITCHYARD_EVENTS', {
      durable_name: 'watcher',
      filter_subject: `switchyard.events.${ENDPOINT}.*`,
      ack_policy: AckPolicy.Explicit,
    });
    const system = started.use(await startWithUsers(servers));
    await system.submitJob();
    const watcher = await servers.connect('watcher');
    started.defer(() => watcher.close());
    const kept = await watcher.jetstream().consumers.get('SWITCHYARD_EVENTS', 'watcher');
    const next = async (): Promise<string> => {
      const message = await kept.next({ expires: 30_000 });
      assert(message !== null, 'no event came');
      message.ack();
      return message.json<{ type: string }>().type;
    };
    const STEPS = ['accepted', 'started', 'completed'].map((step) => `switchyard.job.${step}`);
    assert.deepEqual([await next(), await next(), await next()], STEPS);

    const producer = await servers.connect('producer');
    started.defer(() => producer.close());
    const body = '{"input":{"n":2}}';
    await producer.jetstream().publish(`switchyard.submit.${ENDPOINT}`, body, { msgID: 'one' });
    assert.deepEqual([await next(), await next(), await next()], STEPS);
    const answer = await producer.request(`switchyard.rpc.submit.${ENDPOINT}`, body, {
      timeout: 30_000,
    });
    assert.equal(answer.json<{ status: string }>().status, 'IN_QUEUE');
    assert.deepEqual([await next(), await next(), await next()], STEPS);
    assert.equal(await system.completed(), 3);
    assert.deepEqual(await system.complaints(), []);
  });
});
