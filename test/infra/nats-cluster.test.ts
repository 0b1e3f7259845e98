import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type Broker,
  BrokerError,
  type Handler,
  type LaneMessage,
  openBroker,
} from '@switchyard/broker';
import { streams, topics } from '@switchyard/contracts';
import { type NatsServers, startNatsCluster } from '../support/nats-cluster.ts';
import { migrateBroker } from '../support/run-migrate.ts';

const MESSAGES = 2_000;
const KILL_AFTER = 500;
const PAGE = 100;
const LANES = 9;

const idsOf = (messages: readonly LaneMessage[]): string[] => messages.map(({ id }) => id);

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

/** Appends to the log of events as the relay does, again from the first that is not stored. */
const appendEvents = async (broker: Broker, events: readonly LaneMessage[]): Promise<void> => {
  for (let at = 0; at < events.length; ) {
    const { stored, failure } = await broker.appendInOrder(events.slice(at, at + PAGE));
    if (failure !== undefined && !failure.retry) throw failure;
    at += stored;
    if (failure !== undefined) await pause(20);
  }
};

/** Consumes until all of `events` have come, repeats left out. @returns their ids, by lane. */
const collectEvents = async (
  broker: Broker,
  events: readonly LaneMessage[],
): Promise<Map<string, string[]>> => {
  const [stop, got] = [new AbortController(), new Set<string>()];
  const handle: Handler = async ({ id }) => {
    got.add(id);
    if (got.size === events.length) stop.abort();
    return { kind: 'done' };
  };
  await broker.consume(topics.anyEvent, 'watcher', handle, stop.signal, { prefetch: 1 });
  return Map.groupBy(got, (id) => id.split('/')[0] ?? '');
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
  const events = Array.from({ length: MESSAGES }, (_, at): LaneMessage => {
    const lane = `lane-${at % LANES}`;
    const topic = topics.anyEvent.replace('*', 'echo').replace('*', 'started');
    return { id: `${lane}/${at}`, topic, body: Buffer.from('{}'), lane };
  });
  const telling = appendEvents(sender, events);
  await some.promise;
  const leader = await servers.leader();
  assert(leader !== undefined);
  await leader.kill();
  await sending;
  await all.promise;
  assert.equal(got.size, MESSAGES);

  await telling;
  const told = await collectEvents(receiver, events);
  const lanes = Map.groupBy(events, ({ lane }) => lane);
  for (const [lane, sent] of lanes) assert.deepEqual(told.get(lane), idsOf(sent), lane);

  await leader.start();
  stop.abort();
  await consuming;
});
