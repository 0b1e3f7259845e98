import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import type { Broker, LaneMessage, StreamSpec } from '../broker.ts';
import { silentLog } from '../contract/mailbox.ts';
import { type NatsServer, startNatsServer } from './nats-server.fixture.ts';
import { openNatsBroker } from './open-nats-broker.ts';

const STREAM: StreamSpec = {
  name: 'ORDER',
  topics: ['order.*'],
  keep: 'log',
  maxAgeMs: 600_000,
  duplicateWindowMs: 60_000,
};

let server: NatsServer;
let broker: Broker;
let outside: NatsConnection;
let manager: JetStreamManager;

before(async () => {
  server = await startNatsServer();
  broker = await openNatsBroker(server.url, { name: 'order', log: silentLog, streams: [STREAM] });
  outside = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  manager = await outside.jetstreamManager();
});
after(async () => {
  await broker.close();
  await outside.close();
  await server.end();
});
beforeEach(async () => {
  await manager.streams.purge(STREAM.name);
});

const messagesOf = (test: string, count: number): LaneMessage[] =>
  Array.from({ length: count }, (_, at) => {
    return { id: `${test}/${at}`, topic: 'order.a', body: Buffer.from(String(at)), lane: 'one' };
  });

const idsOf = (messages: readonly LaneMessage[]): string[] => messages.map(({ id }) => id);

const hasFlushed = (): Promise<boolean> =>
  outside.flush().then(
    () => true,
    () => false,
  );

/** The ids of what is stored, in its order; of others than the broker none. */
const storedIds = async (): Promise<string[]> => {
  const found: string[] = [];
  const { state } = await manager.streams.info(STREAM.name);
  for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
    const { header } = await manager.streams.getMessage(STREAM.name, { seq });
    const id = header.get('Nats-Msg-Id');
    if (id !== '') found.push(id);
  }
  return found;
};

it('asks for the word of the server on few of many', async () => {
  let words = 0;
  const heard = outside.subscribe('_INBOX.>', {
    callback: (_error, msg) => {
      if (msg.string().includes('"seq"')) words += 1;
    },
  });
  await outside.flush();
  const sent = messagesOf('few', 1_000);
  assert.deepEqual(await broker.appendInOrder(sent), { stored: 1_000, failure: undefined });
  await outside.flush();
  heard.unsubscribe();
  assert.ok(words >= 1 && words <= 10, `${words} words`);
  assert.deepEqual(await storedIds(), idsOf(sent));
});

it('stores each once and in order while others publish between', async () => {
  const stop = new AbortController();
  const disturb = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      outside.publish('order.progress', 'between');
      await outside.flush();
    }
  };
  const disturbing = disturb();
  const sent = messagesOf('between', 2_000);
  assert.deepEqual(await broker.appendInOrder(sent), { stored: 2_000, failure: undefined });
  stop.abort();
  await disturbing;
  assert.deepEqual(await storedIds(), idsOf(sent));
  const { state } = await manager.streams.info(STREAM.name);
  assert.ok(state.messages > 2_000, 'nothing came between');
});

it('stores nothing behind one that the server refuses, and says so', async () => {
  const { config } = await manager.streams.info(STREAM.name);
  await manager.streams.update(STREAM.name, { ...config, max_msg_size: 1_000 });
  const sent = messagesOf('refused', 100);
  const large = sent.map((one, at) => (at === 40 ? { ...one, body: Buffer.alloc(2_000) } : one));
  for (let time = 0; time < 3; time += 1) {
    const { stored, failure } = await broker.appendInOrder(large);
    assert.deepEqual([stored, failure?.code], [40, 'broker.invalid']);
    assert.deepEqual(await storedIds(), idsOf(sent.slice(0, 40)));
  }
  await manager.streams.update(STREAM.name, { ...config, max_msg_size: -1 });
  assert.deepEqual(await broker.appendInOrder(sent), { stored: 100, failure: undefined });
  assert.deepEqual(await storedIds(), idsOf(sent));
});

it('takes the last for no proof of the others when that was stored before', async () => {
  const { config } = await manager.streams.info(STREAM.name);
  const sent = messagesOf('before', 10);
  const [last] = sent.slice(-1);
  assert.ok(last);
  await broker.append(last);
  await manager.streams.update(STREAM.name, { ...config, max_msg_size: 1_000 });
  const large = sent.map((one, at) => (at === 4 ? { ...one, body: Buffer.alloc(2_000) } : one));
  const { stored, failure } = await broker.appendInOrder(large);
  assert.deepEqual([stored, failure?.code], [4, 'broker.invalid']);
  await manager.streams.update(STREAM.name, { ...config, max_msg_size: -1 });
});

it('leaves no gap when the server is killed again and again', async () => {
  const sent = messagesOf('killed', 6_000);
  let stored = 0;
  let failures = 0;
  const sending = (async () => {
    while (stored < sent.length) {
      // All of the rest each time, as far as the failure lets it.
      const appended = await broker.appendInOrder(sent.slice(stored, stored + 1_000));
      stored += appended.stored;
      if (appended.failure === undefined) continue;
      assert.equal(appended.failure.code, 'broker.unavailable');
      failures += 1;
      await pause(10);
    }
  })();
  for (const from of [500, 2_000, 3_500]) {
    while (stored < from) await pause(1);
    await server.stop('SIGKILL');
    await server.start();
  }
  await sending;
  assert.ok(failures > 0);
  // It may hear only now that its connection went with the server, and then makes another.
  while (!(await hasFlushed())) await pause(10);
  assert.deepEqual(await storedIds(), idsOf(sent));
});

it('goes on with a stream that was deleted under it', async () => {
  const sent = messagesOf('deleted', 300);
  await manager.streams.delete(STREAM.name);
  assert.deepEqual(await broker.appendInOrder(sent), { stored: 300, failure: undefined });
  assert.deepEqual(await storedIds(), idsOf(sent));
});
