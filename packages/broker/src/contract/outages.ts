import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Broker, Handler } from '../broker.ts';
import { Mailbox, text } from './mailbox.ts';
import {
  appendUntilStored,
  message,
  type OutageGround,
  patternOf,
  putDone,
  reconnected,
} from './outage-ground.ts';

type Run = (
  test: (open: () => Promise<Broker>, server: OutageGround) => Promise<void>,
) => Promise<void>;

const endedBy = (run: Run, signal: 'SIGTERM' | 'SIGKILL'): void => {
  const name = signal;
  it(`a server ended by ${signal} and started again, and loses nothing`, async () => {
    await run(async (open, server) => {
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
      const consuming = receiver.consume(patternOf(name), 'g', putDone(got), stop.signal);
      const ids = Array.from({ length: 3_000 }, (_, index) => `m${index}`);
      const send = async (from: number): Promise<void> => {
        for (let index = from; index < ids.length; index += 50) {
          await appendUntilStored(sender, name, `m${index}`);
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
};

const clockSetBack = (run: Run): void => {
  it('a time of day that is set back: it is back no later', { timeout: 30_000 }, async (t) => {
    await run(async (open, server) => {
      const { now } = Date;
      const ahead = t.mock.method(Date, 'now', () => now() + 86_400_000);
      const broker = await open();
      ahead.mock.restore();
      const changes = new Mailbox<boolean>();
      broker.onConnectionChange((connected) => changes.put(connected));
      await server.stop('SIGKILL');
      await changes.whenCount(1);
      await server.start();
      assert.deepEqual(await changes.whenCount(2), [false, true]);
    });
  });
};

const wiped = (run: Run): void => {
  const name = 'wiped';
  it('a server that lost all that it had stored', async () => {
    await run(async (open, server) => {
      const broker = await open();
      const stop = new AbortController();
      const got = new Mailbox<string>();
      const consuming = broker.consume(patternOf(name), 'g', putDone(got), stop.signal);
      await broker.append(message(name, 'before'));
      await got.whenCount(1);
      await server.stop('SIGKILL');
      await server.wipe();
      await server.start();
      await appendUntilStored(broker, name, 'after');
      assert.deepEqual(await got.whenCount(2), ['before', 'after']);
      stop.abort();
      await consuming;
    });
  });
};

const deleted = (run: Run): void => {
  const name = 'deleted';
  it('a group and a stream deleted under it', async () => {
    await run(async (open, server) => {
      const broker = await open();
      const stop = new AbortController();
      const got = new Mailbox<string>();
      const consuming = broker.consume(patternOf(name), 'g', putDone(got), stop.signal);
      await broker.append(message(name, 'first'));
      await got.whenCount(1);
      await server.deleteGroup(name);
      await broker.append(message(name, 'second'));
      await got.when((items) => items.includes('second'));
      await server.deleteStream(name);
      await broker.append(message(name, 'third'));
      await got.when((items) => items.includes('third'));
      stop.abort();
      await consuming;
    });
  });
};

const dying = (run: Run): void => {
  const name = 'dies';
  it('a member that dies: its message goes to another, as a further attempt', async () => {
    await run(async (open) => {
      const [dying, heir] = [await open(), await open()];
      const stop = new AbortController();
      const begun = Promise.withResolvers<void>();
      const held = Promise.withResolvers<{ kind: 'done' }>();
      const hang: Handler = () => {
        begun.resolve();
        return held.promise;
      };
      const lost = dying.consume(patternOf(name), 'g', hang, stop.signal);
      await dying.append(message(name, 'inherited'));
      await begun.promise;
      await dying.close();
      const inherited = Promise.withResolvers<number>();
      const take: Handler = async (_message, { attempt }) => {
        inherited.resolve(attempt);
        return { kind: 'done' };
      };
      const consuming = heir.consume(patternOf(name), 'g', take, stop.signal);
      assert.equal(await inherited.promise, 2);
      held.resolve({ kind: 'done' });
      stop.abort();
      await Promise.all([lost, consuming]);
    });
  });
};

const slow = (run: Run): void => {
  const name = 'long';
  it('a handler may take longer than the server waits: nobody else gets its message', async () => {
    await run(async (open) => {
      const broker = await open();
      const stop = new AbortController();
      const [begun, finished] = [new Mailbox<string>(), new Mailbox<string>()];
      const slow: Handler = async ({ id }, { attempt }) => {
        begun.put(`${id}:${attempt}`);
        await pause(2_500);
        finished.put(id);
        return { kind: 'done' };
      };
      const members = [1, 2].map(() => broker.consume(patternOf(name), 'g', slow, stop.signal));
      await broker.append(message(name, 'long'));
      await finished.whenCount(1);
      await broker.append(message(name, 'next'));
      await begun.when((items) => items.includes('next:1'));
      stop.abort();
      await Promise.all(members);
      assert.deepEqual(begun.items, ['long:1', 'next:1']);
    });
  });
};

const hanging = (run: Run): void => {
  const name = 'hangs';
  it('a server that hangs: hints neither wait nor fill the memory', async () => {
    await run(async (open, server) => {
      const broker = await open();
      await server.freeze();
      const body = Buffer.alloc(broker.maxBodyBytes);
      const beganAt = performance.now();
      for (let count = 0; count < 100; count += 1) {
        broker.hint('outage.hint', body);
        // The connection gets its turns to write, as it would between real hints.
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(performance.now() - beganAt < 2_000);
      assert.ok(broker.stats().hintsDropped >= 80, `${broker.stats().hintsDropped} dropped`);
      server.thaw();
      await broker.append(message(name, 'after'));
      // It reads what waited for it in its own time.
      for (let dropped = Number.NaN; broker.stats().hintsDropped !== dropped; await pause(20)) {
        dropped = broker.stats().hintsDropped;
        broker.hint('outage.hint', Buffer.from('x'));
      }
    });
  });
};

const frozen = (run: Run): void => {
  const name = 'hangs';
  it('a server that hangs for long: it is given up, and all goes on when it is back', async () => {
    await run(async (open, server) => {
      const broker = await open();
      const changes = new Mailbox<boolean>();
      broker.onConnectionChange((connected) => changes.put(connected));
      const [stop, got] = [new AbortController(), new Mailbox<string>()];
      const consuming = broker.consume(patternOf(name), 'g', putDone(got), stop.signal);
      await server.freeze();
      const beganAt = performance.now();
      const during = broker.append(message(name, 'during'));
      await assert.rejects(during, { code: 'broker.unavailable', retry: true });
      assert.ok(performance.now() - beganAt < 30_000);
      await changes.whenCount(1);
      server.thaw();
      await changes.whenCount(2);
      assert.deepEqual(changes.items, [false, true]);
      await appendUntilStored(broker, name, 'later');
      await got.when((items) => items.includes('later'));
      stop.abort();
      await consuming;
    });
  });
};

/**
 * What a broker with a server of its own promises when that server fails: call it from the
 * adapter's test file.
 */
export const outageContract = (name: string, makeGround: () => Promise<OutageGround>): void => {
  describe(`a broker on ${name} survives`, { timeout: 600_000 }, () => {
    let ground: OutageGround | undefined;
    before(async () => {
      ground = await makeGround();
    });
    after(async () => {
      await ground?.end();
    });
    const run: Run = async (test) => {
      const server = ground;
      assert.ok(server);
      const opened: Broker[] = [];
      const open = async (): Promise<Broker> => {
        const broker = await server.open();
        opened.push(broker);
        return broker;
      };
      try {
        await test(open, server);
      } finally {
        await Promise.all(opened.map((broker) => broker.close()));
      }
    };
    endedBy(run, 'SIGTERM');
    endedBy(run, 'SIGKILL');
    clockSetBack(run);
    wiped(run);
    deleted(run);
    dying(run);
    slow(run);
    hanging(run);
    frozen(run);
  });
};
