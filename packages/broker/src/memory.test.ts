import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brokerContract } from './broker.contract.ts';
import type { Hint, Message, StreamSpec } from './broker.ts';
import type { HeardReply } from './contract/ground.ts';
import { Mailbox, silentLog, text } from './contract/mailbox.ts';
import { openMemoryBroker } from './memory/open-memory-broker.ts';

brokerContract('memory', async (streams) => {
  const broker = openMemoryBroker({ log: silentLog, streams });
  return {
    knowsRepeats: true,
    keepsForLateGroups: true,
    open: async () => broker,
    openReplyBox: async () => {
      const box = new Mailbox<HeardReply>();
      const hear = ({ body }: Hint) => box.put({ body: text(body), correlationId: undefined });
      const address = 'contract.reply-box';
      await broker.listen(address, hear, new AbortController().signal);
      return { address, correlates: false, whenCount: (count) => box.whenCount(count) };
    },
    end: () => broker.close(),
  };
});

const STREAM: StreamSpec = {
  name: 'KEPT',
  topics: ['kept.*'],
  keep: 'log',
  maxAgeMs: 60_000,
  duplicateWindowMs: 60_000,
};

const message = (index: number): Message => ({
  id: String(index),
  topic: 'kept.a',
  body: Buffer.from(String(index)),
});

describe('a broker in memory', { timeout: 20_000 }, () => {
  it('delivers hints in order, after the call, with the bytes of that moment', async () => {
    const broker = openMemoryBroker({ log: silentLog });
    const stop = new AbortController();
    const heard = new Mailbox<string>();
    await broker.listen('order', ({ body }) => heard.put(text(body)), stop.signal);
    const body = Buffer.from('0');
    for (let index = 0; index < 10; index += 1) {
      body.write(String(index));
      broker.hint('order', body);
    }
    body.write('x');
    assert.equal(heard.items.length, 0);
    await heard.whenCount(10);
    assert.equal(heard.items.join(''), '0123456789');
    await broker.close();
  });

  it('drops the oldest hints that a listener leaves waiting, and counts them', async () => {
    const broker = openMemoryBroker({ log: silentLog });
    const stop = new AbortController();
    const heard = new Mailbox<number>();
    await broker.listen('flood', ({ body }) => heard.put(Number(text(body))), stop.signal);
    for (let index = 0; index < 10_500; index += 1) broker.hint('flood', Buffer.from(`${index}`));
    await heard.whenCount(10_000);
    assert.equal(heard.items[0], 500);
    assert.equal(broker.stats().hintsDropped, 500);
    const large = Buffer.alloc(broker.maxBodyBytes);
    for (let count = 0; count < 20; count += 1) broker.hint('flood', large);
    assert.equal(broker.stats().hintsDropped, 504);
    await broker.close();
  });

  it('lets the oldest go while no group waits for them', async () => {
    const broker = openMemoryBroker({
      log: silentLog,
      streams: [STREAM],
      retainedMaxBytes: 10 * 600,
    });
    const stop = new AbortController();
    const got = new Mailbox<string>();
    for (let index = 0; index < 50; index += 1) await broker.append(message(index));
    const handle = async ({ id }: Message) => {
      got.put(id);
      return { kind: 'done' } as const;
    };
    const consuming = broker.consume('kept.*', 'g', handle, stop.signal);
    await got.when((items) => items.includes('49'));
    assert.deepEqual(
      got.items,
      Array.from({ length: 11 }, (_, index) => String(index + 39)),
    );
    stop.abort();
    await consuming;
    await broker.close();
  });

  it('refuses an append rather than drop what a group has not settled', async () => {
    const broker = openMemoryBroker({
      log: silentLog,
      streams: [STREAM],
      retainedMaxBytes: 10 * 600,
    });
    const [stop, release] = [new AbortController(), Promise.withResolvers<void>()];
    const got = new Mailbox<string>();
    const handle = async ({ id }: Message) => {
      await release.promise;
      got.put(id);
      return { kind: 'done' } as const;
    };
    const consuming = broker.consume('kept.*', 'g', handle, stop.signal, { prefetch: 2 });
    for (let index = 0; index < 11; index += 1) await broker.append(message(index));
    await assert.rejects(broker.append(message(11)), { code: 'broker.unavailable', retry: true });
    release.resolve();
    await got.whenCount(11);
    await broker.append(message(11));
    assert.equal((await got.whenCount(12)).at(-1), '11');
    stop.abort();
    await consuming;
    await broker.close();
  });
});
