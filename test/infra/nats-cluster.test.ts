import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Broker, BrokerError, openBroker } from '@switchyard/broker';
import { streams, topics } from '@switchyard/contracts';
import { type NatsServers, startNatsCluster } from '../support/nats-cluster.ts';
import { migrateBroker } from '../support/run-migrate.ts';

const MESSAGES = 2_000;
const KILL_AFTER = 500;

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

const open = (servers: NatsServers, name: string): Promise<Broker> =>
  openBroker(servers.url('operator'), { name, log: SILENT, streams: Object.values(streams) });

/** Appends as a careful sender does: again with the same id until the broker has it. */
const appendUntilStored = async (broker: Broker, id: string): Promise<void> => {
  const message = { id, topic: topics.anySubmit.replace('*', 'echo'), body: Buffer.from('{}') };
  for (;;) {
    try {
      await broker.append(message);
      return;
    } catch (error) {
      if (!(error instanceof BrokerError && error.retry)) throw error;
      await pause(20);
    }
  }
};

const replicasOf = async (servers: NatsServers): Promise<Record<string, number>> => {
  const operator = await servers.connect('operator');
  try {
    const manager = await operator.jetstreamManager();
    const names = Object.values(streams).map(({ name }) => name);
    const infos = await Promise.all(names.map((name) => manager.streams.info(name)));
    return Object.fromEntries(infos.map(({ config }) => [config.name, config.num_replicas]));
  } finally {
    await operator.close();
  }
};

it('a NATS cluster loses the leader of a stream under appends, and no message', async () => {
  await using started = new AsyncDisposableStack();
  const servers = started.use(await startNatsCluster());
  await migrateBroker(servers.url('operator'));
  assert.deepEqual(await replicasOf(servers), {
    SWITCHYARD_SUBMIT: 3,
    SWITCHYARD_EVENTS: 3,
    SWITCHYARD_DEAD: 3,
  });

  const [sender, receiver] = [await open(servers, 'sender'), await open(servers, 'receiver')];
  started.defer(() => sender.close());
  started.defer(() => receiver.close());
  const stop = new AbortController();
  const got = new Set<string>();
  const all = Promise.withResolvers<void>();
  const some = Promise.withResolvers<void>();
  const consuming = receiver.consume(
    topics.anySubmit,
    'intake',
    async ({ id }) => {
      got.add(id);
      if (got.size >= KILL_AFTER) some.resolve();
      if (got.size === MESSAGES) all.resolve();
      return { kind: 'done' };
    },
    stop.signal,
  );
  const ids = Array.from({ length: MESSAGES }, (_, index) => `m${index}`);
  const lane = async (): Promise<void> => {
    for (let id = ids.pop(); id !== undefined; id = ids.pop()) await appendUntilStored(sender, id);
  };
  const sending = Promise.all(Array.from({ length: 32 }, lane));
  await some.promise;
  const leader = await servers.leader();
  assert(leader !== undefined);
  await leader.kill();
  await sending;
  await all.promise;
  assert.equal(got.size, MESSAGES);

  await leader.start();
  stop.abort();
  await consuming;
});
