import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Broker } from '../broker.ts';
import { Mailbox, text } from './mailbox.ts';

/** What `hint` and `listen` promise. */
export const hintContract = (open: () => Promise<Broker>): void => {
  telling(open);
  stopping(open);
  sizing(open);
};

const telling = (open: () => Promise<Broker>): void => {
  it('tells a hint to everyone who listens, byte for byte', async () => {
    const [sender, receiver] = [await open(), await open()];
    const stop = new AbortController();
    const heard = new Mailbox<Uint8Array>();
    const topic = 'contract.hint.all';
    for (let count = 0; count < 2; count += 1) {
      await receiver.listen(topic, ({ body }) => heard.put(body), stop.signal);
    }
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    sender.hint(topic, bytes);
    sender.hint(topic, new Uint8Array());
    const lengths = (await heard.whenCount(4)).map((body) => body.length);
    assert.deepEqual(lengths.sort(), [0, 0, 256, 256]);
    const whole = heard.items.find((body) => body.length > 0);
    assert.deepEqual(Buffer.from(whole ?? []), Buffer.from(bytes));
    stop.abort();
  });

  it('tells each hint to one member of a group', async () => {
    const [sender, ...members] = [await open(), await open(), await open()];
    const stop = new AbortController();
    const grouped = new Mailbox<string>();
    const everyone = new Mailbox<string>();
    const topic = 'contract.hint.group';
    for (const member of members) {
      await member.listen(topic, ({ body }) => grouped.put(text(body)), stop.signal, 'crew');
    }
    await sender.listen(topic, ({ body }) => everyone.put(text(body)), stop.signal);
    const sent = Array.from({ length: 100 }, (_, index) => String(index));
    for (const one of sent) sender.hint(topic, Buffer.from(one));
    await everyone.whenCount(100);
    await grouped.whenCount(100);
    assert.deepEqual([...grouped.items].sort(), [...sent].sort());
    stop.abort();
  });

  it('takes * for exactly one word, at the end and within', async () => {
    const broker = await open();
    const stop = new AbortController();
    const last = new Mailbox<string>();
    const middle = new Mailbox<string>();
    await broker.listen('contract.star.*', ({ topic }) => last.put(topic), stop.signal);
    await broker.listen('contract.*.end', ({ topic }) => middle.put(topic), stop.signal);
    const topics = ['contract.star.a', 'contract.star', 'contract.star.a.b', 'contract.x.end'];
    for (const topic of [...topics, 'contract.star.end']) broker.hint(topic, Buffer.from(topic));
    await last.when((items) => items.includes('contract.star.end'));
    await middle.whenCount(2);
    assert.deepEqual([...last.items].sort(), ['contract.star.a', 'contract.star.end']);
    assert.deepEqual([...middle.items].sort(), ['contract.star.end', 'contract.x.end']);
    stop.abort();
  });
};

const stopping = (open: () => Promise<Broker>): void => {
  it('tells nothing any more after the stop, and survives a listener that throws', async () => {
    const broker = await open();
    const [stop, stopOther] = [new AbortController(), new AbortController()];
    const [early, late] = [new Mailbox<string>(), new Mailbox<string>()];
    const topic = 'contract.hint.stop';
    const hear = (box: Mailbox<string>) => (hint: { body: Uint8Array }) => {
      box.put(text(hint.body));
      throw new Error('A listener threw on purpose.');
    };
    await broker.listen(topic, hear(early), stop.signal);
    await broker.listen(topic, hear(late), stopOther.signal);
    broker.hint(topic, Buffer.from('1'));
    await Promise.all([early.whenCount(1), late.whenCount(1)]);
    stop.abort();
    broker.hint(topic, Buffer.from('2'));
    await late.whenCount(2);
    assert.deepEqual(early.items, ['1']);
    stopOther.abort();
  });
};

const sizing = (open: () => Promise<Broker>): void => {
  it('drops and counts hints that cannot be sent, and never throws', async () => {
    const broker = await open();
    const before = broker.stats().hintsDropped;
    broker.hint('contract.hint.size', Buffer.alloc(broker.maxBodyBytes + 1));
    broker.hint('contract.hint.\r\nPUB x 0', Buffer.from('x'));
    broker.hint('contract.hint.*', Buffer.from('x'));
    broker.hint('', Buffer.from('x'));
    assert.equal(broker.stats().hintsDropped - before, 4);
    const { signal } = new AbortController();
    for (const pattern of ['contract.>', 'a..b', 'a b', 'contract.#']) {
      await assert.rejects(
        broker.listen(pattern, () => undefined, signal),
        { code: 'broker.invalid' },
      );
    }
  });

  it('carries a hint of the largest size', async () => {
    const broker = await open();
    const stop = new AbortController();
    const heard = new Mailbox<number>();
    await broker.listen('contract.hint.large', (hint) => heard.put(hint.body.length), stop.signal);
    broker.hint('contract.hint.large', Buffer.alloc(broker.maxBodyBytes));
    assert.deepEqual(await heard.whenCount(1), [broker.maxBodyBytes]);
    stop.abort();
  });
};
