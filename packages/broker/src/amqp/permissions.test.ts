import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Channel, connect } from 'amqplib';
import type { Broker, StreamSpec } from '../broker.ts';
import { Mailbox, silentLog } from '../contract/mailbox.ts';
import { inspectBroker } from '../inspect-broker.ts';
import { openBroker } from '../open-broker.ts';
import { type RabbitServer, startRabbitServer } from './rabbitmq-server.fixture.ts';

const KEPT: StreamSpec = {
  ...{ name: 'KEPT', topics: ['kept.*'], keep: 'work', group: 'g' },
  duplicateWindowMs: 10_000,
};
const options = { name: 'permissions', log: silentLog, streams: [KEPT], connectTimeoutMs: 5_000 };
const ALL = { configure: '.*', write: '.*', read: '.*' };
/** What a service needs where an operator makes the streams. */
const LEAST = {
  configure: '^switchyard\\.(hints|requests)\\..*$',
  write: '^(kept|amq\\.default|switchyard\\.(hints|requests)(\\..*)?)$',
  read: '^(kept|switchyard\\.(hints|requests)(\\..*)?)$',
};
const DEFINITIONS = {
  users: ['guest', 'limited'].map((name) => ({ name, password: name, tags: '' })),
  vhosts: ['/', 'wrong', 'closed'].map((name) => ({ name })),
  permissions: [
    ...['/', 'wrong', 'closed'].map((vhost) => ({ user: 'guest', vhost, ...ALL })),
    ...['/', 'wrong'].map((vhost) => ({ user: 'limited', vhost, ...LEAST })),
  ],
};

describe('a broker on RabbitMQ', { timeout: 240_000 }, () => {
  let server: RabbitServer | undefined;
  const urlOf = (user: string, vhost = ''): string =>
    `amqp://${user}:${user}@127.0.0.1:${server?.port}/${vhost}`;
  const asOperator = async (vhost: string, work: (channel: Channel) => Promise<unknown>) => {
    const operator = await connect(urlOf('guest', vhost));
    await work(await operator.createChannel());
    await operator.close();
  };
  before(async () => {
    server = await startRabbitServer('loopback_users = none', DEFINITIONS);
  });
  const opened: Broker[] = [];
  /** Closed at the end at the latest: it would look for its server for ever. */
  const open = async (url: string): Promise<Broker> => {
    const broker = await openBroker(url, options);
    opened.push(broker);
    return broker;
  };
  after(async () => {
    await Promise.all(opened.map((broker) => broker.close()));
    await server?.end();
  });

  it('refuses wrong credentials and a virtual host that is not the user’s', async () => {
    for (const url of [
      urlOf('guest').replace(':guest@', ':wr0ng@'),
      urlOf('guest', 'nowhere'),
      urlOf('limited', 'closed'),
    ]) {
      await assert.rejects(openBroker(url, options), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'broker.forbidden', url);
        assert.doesNotMatch(`${error.stack} ${String(error.cause)}`, /wr0ng/);
        return true;
      });
    }
  });

  it('works with a user who may use streams but not make them', async () => {
    const url = urlOf('limited');
    await assert.rejects(openBroker(url, options), {
      ...{ code: 'broker.forbidden', retry: false },
      message: /the exchange kept, which its user may not make/,
    });
    await (await openBroker(urlOf('guest'), options)).close();
    const broker = await open(url);
    const stop = new AbortController();
    const [got, heard] = [new Mailbox<string>(), new Mailbox<string>()];
    await broker.listen('news.*', ({ topic }) => heard.put(topic), stop.signal);
    const take = async ({ id }: { id: string }) => {
      got.put(id);
      return { kind: 'done' } as const;
    };
    const consuming = broker.consume('kept.*', 'g', take, stop.signal);
    await broker.append({ id: 'a', topic: 'kept.a', body: Buffer.from('x') });
    assert.deepEqual(await got.whenCount(1), ['a']);
    broker.hint('news.a', Buffer.from('x'));
    assert.deepEqual(await heard.whenCount(1), ['news.a']);
    stop.abort();
    await consuming;
    await broker.close();
  });

  it('names what exists otherwise than needed, and what to do', async () => {
    const url = urlOf('guest', 'wrong');
    const look = async () => (await inspectBroker(url, [KEPT], options)).streams[0];
    assert.equal((await look())?.state, 'missing');
    await asOperator('wrong', async (channel) => {
      await channel.assertExchange('kept', 'topic', { durable: true });
      await channel.assertQueue('kept', { durable: true });
    });
    const message = /the queue kept: .*delete it once it is empty/;
    await assert.rejects(openBroker(url, options), { code: 'broker.conflict', message });
    const found = await look();
    assert.equal(found?.state, 'wrong');
    assert.match(found.detail, message);
    await asOperator('wrong', (channel) => channel.deleteQueue('kept'));
    await (await openBroker(url, options)).close();
    assert.equal((await look())?.state, 'fine');
    await asOperator('wrong', async (channel) => {
      await channel.deleteExchange('kept');
      await channel.assertExchange('kept', 'fanout', { durable: true });
    });
    await assert.rejects(openBroker(url, options), {
      ...{ code: 'broker.conflict', message: /the exchange kept/ },
    });
  });

  it('says that an append has no queue where it may not mend that', async () => {
    const broker = await open(urlOf('limited'));
    await asOperator('', (channel) => channel.unbindQueue('kept', 'kept', '#'));
    const message = { id: 'a', topic: 'kept.a', body: Buffer.from('x') };
    await asOperator('', (channel) => channel.deleteQueue('kept'));
    await assert.rejects(broker.append(message), { code: 'broker.forbidden', retry: false });
    const mending = await open(urlOf('guest'));
    await asOperator('', (channel) => channel.deleteQueue('kept'));
    await mending.append(message);
    await Promise.all([broker.close(), mending.close()]);
  });

  it('takes nothing from a server short of memory, and goes on afterwards', async () => {
    const own = server;
    assert.ok(own);
    const broker = await open(urlOf('guest'));
    const stop = new AbortController();
    const got = new Mailbox<string>();
    const take = async ({ id }: { id: string }) => {
      got.put(id);
      return { kind: 'done' } as const;
    };
    const append = (id: string): Promise<void> =>
      broker.append({ id, topic: 'kept.b', body: Buffer.from('x') });
    await append('before');
    await own.stop('SIGTERM');
    await own.start('loopback_users = none\nvm_memory_high_watermark.absolute = 1MiB');
    const consuming = broker.consume('kept.*', 'g', take, stop.signal);
    // What others publish is stopped; what is stored comes, and is settled.
    await got.when((items) => items.includes('before'));
    for (;;) {
      const failure = await append('blocked').catch((error: Error) => error);
      assert.ok(failure instanceof Error, 'a server without memory took an append');
      if (failure.message.includes('takes nothing')) break;
      await pause(50);
    }
    const { hintsDropped } = broker.stats();
    broker.hint('news.a', Buffer.from('x'));
    assert.equal(broker.stats().hintsDropped, hintsDropped + 1);
    await own.stop('SIGKILL');
    await own.start('loopback_users = none');
    for (;;) {
      if ((await append('after').catch((error: Error) => error)) === undefined) break;
      await pause(50);
    }
    await got.when((items) => items.includes('after'));
    stop.abort();
    await consuming;
    await broker.close();
  });
});
