import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Broker, Message } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { Mailbox } from './mailbox.ts';
import { ids, messages, putDone } from './messages.ts';

/** A broker may count what was settled a moment later. */
const whenTaken = async (append: () => Promise<void>): Promise<void> => {
  for (;;) {
    try {
      return await append();
    } catch (error) {
      if (!(error instanceof BrokerError && error.retry)) throw error;
      await pause(20);
    }
  }
};

/** What a stream of `work` promises. */
export const workContract = (open: () => Promise<Broker>): void => {
  it('keeps work for its one group from the declaration on, and refuses other groups', async () => {
    const broker = await open();
    const stop = new AbortController();
    const box = new Mailbox<Message>();
    const sent = messages('contract.work.a', 50);
    await Promise.all(sent.map((message) => broker.append(message)));
    const consume = (group: string): Promise<void> =>
      broker.consume('contract.work.*', group, putDone(box), stop.signal);
    await assert.rejects(consume('others'), { code: 'broker.conflict', retry: false });
    const consuming = consume('workers');
    await box.whenCount(50);
    stop.abort();
    await consuming;
    assert.deepEqual(ids(box.items), ids(sent));
  });

  it('refuses work that does not fit until some is settled, and drops none', async () => {
    const broker = await open();
    const stop = new AbortController();
    const box = new Mailbox<Message>();
    const body = Buffer.alloc(65_536, 1);
    const stored: string[] = [];
    const append = async (index: number): Promise<void> => {
      const id = `full-${index}`;
      await broker.append({ id, topic: 'contract.work.full', body });
      stored.push(id);
    };
    const fill = async (): Promise<void> => {
      for (let index = 0; index < 100; index += 1) await append(index);
    };
    await assert.rejects(fill(), { code: 'broker.unavailable', retry: true });
    assert.ok(stored.length >= 8, `${stored.length} fitted`);
    const consuming = broker.consume('contract.work.*', 'workers', putDone(box), stop.signal);
    await box.whenCount(stored.length);
    await whenTaken(() => append(100));
    await box.whenCount(stored.length);
    stop.abort();
    await consuming;
    assert.deepEqual(ids(box.items), [...stored].sort());
  });
};
