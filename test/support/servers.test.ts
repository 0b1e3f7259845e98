import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Channel, connect as connectToRabbit } from 'amqplib';
import { connect } from 'nats';
import pg from 'pg';
import { withDatabase } from './database.ts';
import { startNats } from './nats.ts';
import { startPostgres } from './postgres.ts';
import { startRabbit } from './rabbitmq.ts';

/** How long RabbitMQ may keep what it logs of queues in memory, in ms. */
const LOGGED_WITHIN_MS = 2_500;

const query = async (url: string, text: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client
    .query(text)
    .then(({ rows }) => rows)
    .finally(() => client.end());
};

describe('the Postgres of the tests', () => {
  for (const version of ['debian', 'embedded'] as const) {
    it(`keeps what was committed through every way to end it (${version})`, async () => {
      await using postgres = await startPostgres({ version });
      const { url, pid } = postgres;
      const database = await postgres.createDatabase('kept');
      await query(database, 'create table kept (n int)');
      const ends = [
        () => postgres.kill(),
        () => postgres.stop(),
        () => postgres.stop('smart'),
        () => postgres.stop('immediate'),
      ];
      for (const [n, end] of ends.entries()) {
        await query(database, `insert into kept values (${n})`);
        await end();
        await assert.rejects(query(url, 'select 1'), { code: 'ECONNREFUSED' });
        await postgres.start();
      }
      assert.equal((await query(database, 'select n from kept')).length, ends.length);
      assert.deepEqual(await query(url, 'show fsync'), [{ fsync: 'on' }]);
      assert.notEqual(postgres.pid, pid);
      if (version === 'debian') assert.match(await postgres.dump(database), /CREATE TABLE .*kept/);
      await postgres.close();
      assert.equal(existsSync(postgres.dataDir), false);
    });
  }

  it('gives each file an empty database and takes it away again', async () => {
    const shared = process.env.TEST_DATABASE_URL;
    try {
      await using server = await startPostgres({ fsync: false });
      process.env.TEST_DATABASE_URL = server.url;
      const [one, other] = [await withDatabase(), await withDatabase()];
      await query(one.url, 'create table t ()');
      await query(other.url, 'create table t ()');
      await one.close();
      await assert.rejects(query(one.url, 'select 1'), { code: '3D000' });
      await other.close();
      delete process.env.TEST_DATABASE_URL;
      await using own = await withDatabase();
      assert.deepEqual(await query(own.url, 'show fsync'), [{ fsync: 'off' }]);
    } finally {
      if (shared !== undefined) process.env.TEST_DATABASE_URL = shared;
    }
  });
});

describe('the NATS of the tests', () => {
  it('keeps its streams through a kill and loses them when wiped', async () => {
    await using nats = await startNats();
    const streams = async (): Promise<string[]> => {
      const connection = await connect({ servers: nats.url });
      const manager = await connection.jetstreamManager();
      const found = await manager.streams.list().next();
      await connection.close();
      return found.map(({ config }) => config.name);
    };
    const connection = await connect({ servers: nats.url });
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name: 'kept', subjects: ['kept'] });
    await connection.close();
    await nats.kill();
    await nats.start();
    assert.deepEqual(await streams(), ['kept']);
    await nats.stop();
    await nats.start();
    assert.deepEqual(await streams(), ['kept']);
    await nats.wipe();
    await nats.start();
    assert.deepEqual(await streams(), []);
  });
});

describe('the RabbitMQ of the tests', () => {
  it('keeps its queues through a kill and loses them when wiped', {
    timeout: 300_000,
  }, async () => {
    await using rabbit = await startRabbit();
    const queue = 'kept';
    const withChannel = async <T>(work: (channel: Channel) => Promise<T>): Promise<T> => {
      const connection = await connectToRabbit(rabbit.url);
      const channel = await connection.createChannel();
      channel.on('error', () => undefined);
      return await work(channel).finally(() => connection.close());
    };
    await withChannel((channel) => channel.assertQueue(queue, { durable: true }));
    await pause(LOGGED_WITHIN_MS);
    for (const end of [() => rabbit.kill(), () => rabbit.stop()]) {
      await end();
      await rabbit.start();
      await withChannel((channel) => channel.checkQueue(queue));
    }
    await rabbit.wipe();
    await rabbit.start();
    await assert.rejects(
      withChannel((channel) => channel.checkQueue(queue)),
      { code: 404 },
    );
  });
});
