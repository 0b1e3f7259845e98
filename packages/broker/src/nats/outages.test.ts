import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'nats';
import type { Broker, Handler, Message, StreamSpec } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { Mailbox, silentLog, text } from '../contract/mailbox.ts';
import { type NatsServer, startNatsServer } from './nats-server.fixture.ts';
import { openNatsBroker } from './open-nats-broker.ts';

const STREAM: StreamSpec = {
  name: 'OUTAGE',
  topics: ['outage.kept.*'],
  keep: 'log',
  maxAgeMs: 600_000,
  duplicateWindowMs: 60_000,
};

const message = (id: string): Message => ({
  id,
  topic: 'outage.kept.a',
  body: Buffer.from(id),
});

const putDone =
  (box: Mailbox<string>): Handler =>
  async ({ id }) => {
    box.put(id);
    return { kind: 'done' };
  };

/** Appends as a careful sender does: again with the same id until the broker has it. */
const appendUntilStored = async (broker: Broker, id: string): Promise<void> => {
  for (;;) {
    try {
      await broker.append(message(id));
      return;
    } catch (error) {
      const passing = error instanceof BrokerError && error.retry;
      if (!passing || error.message.includes('closed')) throw error;
      await pause(20);
    }
  }
};

const reconnected = async (broker: Broker): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const forget = broker.onConnectionChange((connected) => {
    if (connected) resolve();
  });
  if (broker.stats().connected) resolve();
  await promise;
  forget();
};

const withServer = async (
  run: (server: NatsServer, open: () => Promise<Broker>) => Promise<void>,
): Promise<void> => {
  const server = await startNatsServer();
  const opened: Broker[] = [];
  const options = { name: 'outage', log: silentLog, streams: [STREAM], ackWaitMs: 1_000 };
  try {
    await run(server, async () => {
      const broker = await openNatsBroker(server.url, options);
      opened.push(broker);
      return broker;
    });
  } finally {
    await Promise.all(opened.map((broker) => broker.close()));
    await server.end();
  }
};

describe('a broker on NATS survives', { timeout: 60_000, concurrency: 2 }, () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`a server ended by ${signal} and started again, and loses nothing`, async () => {
      await withServer(async (server, open) => {
        const [sender, receiver] = [await open(), await open()];
        const stop = new AbortController();
        const [got, heard, changes] = [
          new Mailbox<string>(),
          new Mailbox<string>(),
          new Mailbox<boolean>(),
        ];
        receiver.onConnectionChange((connected) => changes.put(connected));
        const senderLost = Promise.withResolvers<void>();
        sender.onConnectionChange(() => senderLost.resolve());
        await receiver.listen('outage.hint', ({ body }) => heard.put(text(body)), stop.signal);
        const consuming = receiver.consume('outage.kept.*', 'g', putDone(got), stop.signal);
        const ids = Array.from({ length: 3_000 }, (_, index) => `m${index}`);
        const send = async (from: number): Promise<void> => {
          for (let index = from; index < ids.length; index += 50) {
            await appendUntilStored(sender, `m${index}`);
          }
        };
        const sending = Promise.all(Array.from({ length: 50 }, (_, from) => send(from)));
        await got.whenCount(500);
        await server.stop(signal);
        await Promise.all([changes.whenCount(1), senderLost.promise]);
        const before = sender.stats().hintsDropped;
        sender.hint('outage.hint', Buffer.from('lost'));
        assert.equal(sender.stats().hintsDropped, before + 1);
        await server.start();
        await sending;
        await got.when((items) => items.length >= ids.length && new Set(items).size === ids.length);
        await Promise.all([reconnected(sender), reconnected(receiver)]);
        sender.hint('outage.hint', Buffer.from('back'));
        assert.deepEqual(await heard.whenCount(1), ['back']);
        assert.deepEqual(changes.items, [false, true]);
        assert.deepEqual(receiver.stats(), { connected: true, hintsDropped: 0, reconnects: 1 });
        stop.abort();
        await consuming;
      });
    });
  }

  it('a server that lost all that it had stored', async () => {
    await withServer(async (server, open) => {
      const broker = await open();
      const stop = new AbortController();
      const got = new Mailbox<string>();
      const consuming = broker.consume('outage.kept.*', 'g', putDone(got), stop.signal);
      await broker.append(message('before'));
      await got.whenCount(1);
      await server.stop('SIGKILL');
      await server.wipe();
      await server.start();
      await appendUntilStored(broker, 'after');
      assert.deepEqual(await got.whenCount(2), ['before', 'after']);
      stop.abort();
      await consuming;
    });
  });

  it('a group and a stream deleted under it', async () => {
    await withServer(async (server, open) => {
      const broker = await open();
      const stop = new AbortController();
      const got = new Mailbox<string>();
      const consuming = broker.consume('outage.kept.*', 'g', putDone(got), stop.signal);
      await broker.append(message('first'));
      await got.whenCount(1);
      const operator = await connect({ servers: `127.0.0.1:${server.port}` });
      const manager = await operator.jetstreamManager();
      await manager.consumers.delete('OUTAGE', 'g');
      await broker.append(message('second'));
      await got.when((items) => items.includes('second'));
      await manager.streams.delete('OUTAGE');
      await operator.close();
      await broker.append(message('third'));
      await got.when((items) => items.includes('third'));
      stop.abort();
      await consuming;
    });
  });

  it('a member that dies: its message goes to another, as a further attempt', async () => {
    await withServer(async (_server, open) => {
      const [dying, heir] = [await open(), await open()];
      const stop = new AbortController();
      const begun = Promise.withResolvers<void>();
      const held = Promise.withResolvers<{ kind: 'done' }>();
      const hang: Handler = () => {
        begun.resolve();
        return held.promise;
      };
      const lost = dying.consume('outage.kept.*', 'g', hang, stop.signal);
      await dying.append(message('inherited'));
      await begun.promise;
      await dying.close();
      const inherited = Promise.withResolvers<number>();
      const take: Handler = async (_message, { attempt }) => {
        inherited.resolve(attempt);
        return { kind: 'done' };
      };
      const consuming = heir.consume('outage.kept.*', 'g', take, stop.signal);
      assert.equal(await inherited.promise, 2);
      held.resolve({ kind: 'done' });
      stop.abort();
      await Promise.all([lost, consuming]);
    });
  });

  it('a handler may take longer than the server waits: nobody else gets its message', async () => {
    await withServer(async (_server, open) => {
      const broker = await open();
      const stop = new AbortController();
      const [begun, finished] = [new Mailbox<string>(), new Mailbox<string>()];
      const slow: Handler = async ({ id }, { attempt }) => {
        begun.put(`${id}:${attempt}`);
        await pause(2_500);
        finished.put(id);
        return { kind: 'done' };
      };
      const members = [1, 2].map(() => broker.consume('outage.kept.*', 'g', slow, stop.signal));
      await broker.append(message('long'));
      await finished.whenCount(1);
      await broker.append(message('next'));
      await begun.when((items) => items.includes('next:1'));
      stop.abort();
      await Promise.all(members);
      assert.deepEqual(begun.items, ['long:1', 'next:1']);
    });
  });

  it('a server that hangs: hints neither wait nor fill the memory', async () => {
    await withServer(async (server, open) => {
      const broker = await open();
      server.signal('SIGSTOP');
      const body = Buffer.alloc(broker.maxBodyBytes);
      const beganAt = performance.now();
      for (let count = 0; count < 100; count += 1) {
        broker.hint('outage.hint', body);
        // The connection gets its turns to write, as it would between real hints.
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(performance.now() - beganAt < 2_000);
      assert.ok(broker.stats().hintsDropped >= 80, `${broker.stats().hintsDropped} dropped`);
      server.signal('SIGCONT');
      const dropped = broker.stats().hintsDropped;
      await broker.append(message('after'));
      broker.hint('outage.hint', body);
      assert.equal(broker.stats().hintsDropped, dropped);
    });
  });
});
