import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect as connectRabbit } from 'amqplib';
import { connect, RetentionPolicy } from 'nats';
import { startRabbitServer } from './amqp/rabbitmq-server.fixture.ts';
import type { StreamSpec } from './broker.ts';
import { silentLog } from './contract/mailbox.ts';
import { inspectBroker } from './inspect-broker.ts';
import { startNatsServer } from './nats/nats-server.fixture.ts';
import { openBroker } from './open-broker.ts';

const DAY_MS = 86_400_000;
const LOG: StreamSpec = {
  ...{ name: 'LOOKED_LOG', topics: ['looked.log.*'], keep: 'log', maxAgeMs: DAY_MS },
  duplicateWindowMs: 10_000,
};
const WORK: StreamSpec = {
  ...{ name: 'LOOKED_WORK', topics: ['looked.work.*'], keep: 'work', group: 'workers' },
  duplicateWindowMs: 10_000,
};
const SPECS = [LOG, WORK];
const OPTIONS = { name: 'look', log: silentLog, connectTimeoutMs: 3_000 };

describe('inspectBroker on NATS', { timeout: 180_000 }, () => {
  it('tells what is fine, missing and wrong, and changes nothing', async () => {
    const server = await startNatsServer();
    try {
      const look = async () =>
        (await inspectBroker(server.url, SPECS, OPTIONS)).streams.map(({ state }) => state);
      assert.deepEqual(await look(), ['missing', 'missing']);
      assert.deepEqual(await look(), ['missing', 'missing'], 'the look made something');
      await (await openBroker(server.url, { ...OPTIONS, streams: [LOG] })).close();
      assert.deepEqual(await look(), ['fine', 'missing']);
      const nats = await connect({ servers: server.url });
      const { streams } = await nats.jetstreamManager();
      await streams.add({
        ...{ name: WORK.name, subjects: [...WORK.topics] },
        retention: RetentionPolicy.Limits,
      });
      await nats.close();
      const report = await inspectBroker(server.url, SPECS, OPTIONS);
      assert.match(report.server, /^NATS \d+\.\d+\.\d+/);
      assert.deepEqual(report.streams[1], {
        ...{ name: WORK.name, state: 'wrong' },
        detail: 'The stream LOOKED_WORK exists with retention limits, but workqueue is needed.',
      });
    } finally {
      await server.end();
    }
  });

  it('says that nobody answers, or that the look is refused', async () => {
    const server = await startNatsServer(`
      authorization { users = [ { user: blind, password: "s3cret", permissions: {
        publish: { deny: ["$JS.API.>"] } } } ] }`);
    const authority = new URL(server.url).host;
    try {
      for (const user of ['blind:wrong', 'blind:s3cret']) {
        const looked = inspectBroker(`nats://${user}@${authority}`, SPECS, OPTIONS);
        await assert.rejects(looked, { code: 'broker.forbidden' }, user);
      }
      await server.stop('SIGKILL');
      const options = { ...OPTIONS, connectTimeoutMs: 500 };
      await assert.rejects(inspectBroker(`nats://${authority}`, SPECS, options), {
        code: 'broker.unavailable',
      });
    } finally {
      await server.end();
    }
  });
});

describe('inspectBroker on RabbitMQ', { timeout: 110_000 }, () => {
  it('tells what is fine, missing and wrong, and makes nothing', async () => {
    const server = await startRabbitServer();
    try {
      const look = async () =>
        (await inspectBroker(server.url, SPECS, OPTIONS)).streams.map(({ state }) => state);
      assert.deepEqual(await look(), ['missing', 'missing']);
      assert.deepEqual(await look(), ['missing', 'missing'], 'the look made something');
      await (await openBroker(server.url, { ...OPTIONS, streams: SPECS })).close();
      assert.deepEqual(await look(), ['fine', 'fine']);
      const rabbit = await connectRabbit(server.url);
      const channel = await rabbit.createChannel();
      await channel.deleteQueue('looked.work');
      assert.deepEqual(await look(), ['fine', 'missing']);
      await channel.assertQueue('looked.work', { arguments: { 'x-queue-type': 'classic' } });
      await rabbit.close();
      const report = await inspectBroker(server.url, SPECS, OPTIONS);
      assert.match(report.server, /^RabbitMQ \d+\.\d+\.\d+/);
      assert.equal(report.streams[1]?.state, 'wrong');
      assert.match(report.streams[1]?.detail ?? '', /looked\.work/);
      const stranger = inspectBroker(server.url.replace('guest:guest', 'a:b'), SPECS, OPTIONS);
      await assert.rejects(stranger, { code: 'broker.forbidden' });
    } finally {
      await server.end();
    }
  });
});
