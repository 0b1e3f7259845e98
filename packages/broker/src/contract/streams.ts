import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { it } from 'node:test';
import { type Broker, DEAD_HEADERS, type Handler, type Message } from '../broker.ts';
import { Mailbox, text } from './mailbox.ts';
import { ids, messages, putDone } from './messages.ts';

/** What `append` and `consume` promise. */
export const streamContract = (open: () => Promise<Broker>): void => {
  carrying(open);
  repeating(open);
  burying(open);
  limits(open);
  stopping(open);
};

const carrying = (open: () => Promise<Broker>): void => {
  it('carries id, topic, body and headers', async () => {
    const broker = await open();
    const stop = new AbortController();
    const box = new Mailbox<Message>();
    const body = Uint8Array.from({ length: 256 }, (_, index) => index);
    const headers = { 'Switchyard-Reply-To': 'contract.reply', traceparent: '00-é-01' };
    await broker.append({ id: 'whole', topic: 'contract.kept.whole.a', body, headers });
    const consuming = broker.consume('contract.kept.whole.*', 'whole', putDone(box), stop.signal);
    const [got] = await box.whenCount(1);
    assert.equal(got?.id, 'whole');
    assert.equal(got.topic, 'contract.kept.whole.a');
    assert.deepEqual(Buffer.from(got.body), Buffer.from(body));
    assert.deepEqual({ ...got.headers }, headers);
    stop.abort();
    await consuming;
  });

  it('goes on where a group stopped', async () => {
    const broker = await open();
    const [first, second] = [new Mailbox<Message>(), new Mailbox<Message>()];
    for (const [round, box] of [first, second].entries()) {
      const stop = new AbortController();
      const topic = `contract.kept.resume.${round}`;
      await Promise.all(messages(topic, 5).map((message) => broker.append(message)));
      const consuming = broker.consume(
        'contract.kept.resume.*',
        'resume',
        putDone(box),
        stop.signal,
      );
      await box.whenCount(5);
      stop.abort();
      await consuming;
    }
    assert.ok(second.items.every(({ topic }) => topic === 'contract.kept.resume.1'));
  });
};

const repeating = (open: () => Promise<Broker>): void => {
  it('delivers again what was handed back or thrown at, and counts the attempts', async () => {
    const broker = await open();
    const stop = new AbortController();
    const box = new Mailbox<string>();
    const handle: Handler = async ({ body }, { attempt }) => {
      box.put(`${text(body)}:${attempt}`);
      if (attempt === 3) return { kind: 'done' };
      if (text(body) === '0') return { kind: 'again', afterMs: 20 };
      throw new Error('A handler threw on purpose.');
    };
    const sent = messages('contract.kept.again.a', 2);
    await Promise.all(sent.map((message) => broker.append(message)));
    const consuming = broker.consume('contract.kept.again.*', 'again', handle, stop.signal);
    await box.whenCount(6);
    stop.abort();
    await consuming;
    assert.deepEqual([...box.items].sort(), ['0:1', '0:2', '0:3', '1:1', '1:2', '1:3']);
  });

  it('waits as long as it is told before it delivers again', async () => {
    const broker = await open();
    const stop = new AbortController();
    const box = new Mailbox<number>();
    const handle: Handler = async (_message, { attempt }) => {
      box.put(performance.now());
      return attempt === 1 ? { kind: 'again', afterMs: 400 } : { kind: 'done' };
    };
    for (const message of messages('contract.kept.wait.a', 1)) await broker.append(message);
    const consuming = broker.consume('contract.kept.wait.*', 'wait', handle, stop.signal);
    const [first = 0, second = 0] = await box.whenCount(2);
    assert.ok(second - first >= 390, `${second - first} ms`);
    stop.abort();
    await consuming;
  });
};

const burying = (open: () => Promise<Broker>): void => {
  it('buries a poison message with its reason, without its body, and goes on', async () => {
    const broker = await open();
    const stop = new AbortController();
    const [good, notes] = [new Mailbox<Message>(), new Mailbox<Message>()];
    const poison = Buffer.from('{"s3Config": "secret"');
    const handle: Handler = async (message) => {
      if (message.id === 'poison') return { kind: 'dead', reason: 'not JSON:\r\n line 1 é' };
      return await putDone(good)(message, { attempt: 1 });
    };
    await broker.append({ id: 'poison', topic: 'contract.kept.poison.a', body: poison });
    const rest = messages('contract.kept.poison.b', 20);
    await Promise.all(rest.map((message) => broker.append(message)));
    const consuming = [
      broker.consume('contract.kept.poison.*', 'poison', handle, stop.signal, {
        prefetch: 1,
        deadTopic: ({ topic }) => `contract.dead.${topic.split('.').at(-1)}`,
      }),
      broker.consume('contract.dead.*', 'undertaker', putDone(notes), stop.signal),
    ];
    await good.whenCount(20);
    const [note] = await notes.whenCount(1);
    assert.equal(note?.topic, 'contract.dead.a');
    assert.equal(note.body.length, 0);
    assert.deepEqual(
      { ...note.headers },
      {
        [DEAD_HEADERS.reason]: 'not JSON: line 1',
        [DEAD_HEADERS.id]: 'poison',
        [DEAD_HEADERS.topic]: 'contract.kept.poison.a',
        [DEAD_HEADERS.length]: String(poison.length),
        [DEAD_HEADERS.sha256]: createHash('sha256').update(poison).digest('hex'),
      },
    );
    stop.abort();
    await Promise.all(consuming);
    assert.deepEqual(ids(good.items), ids(rest));
  });
};

const limits = (open: () => Promise<Broker>): void => {
  it('never has more than the prefetch in the hands of a slow consumer', async () => {
    const broker = await open();
    const stop = new AbortController();
    const done = new Mailbox<Message>();
    const full = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    let [inHand, most] = [0, 0];
    const handle: Handler = async (message) => {
      inHand += 1;
      most = Math.max(most, inHand);
      if (inHand === 4) full.resolve();
      await release.promise;
      // Another turn, so that the next delivery may come while this one is in hand.
      await new Promise((resolve) => setImmediate(resolve));
      inHand -= 1;
      return await putDone(done)(message, { attempt: 1 });
    };
    const consuming = broker.consume('contract.kept.slow.*', 'slow', handle, stop.signal, {
      prefetch: 4,
    });
    const sent = messages('contract.kept.slow.a', 60);
    await Promise.all(sent.map((message) => broker.append(message)));
    await full.promise;
    release.resolve();
    await done.whenCount(60);
    stop.abort();
    await consuming;
    assert.equal(most, 4);
    assert.deepEqual(ids(done.items), ids(sent));
  });

  it('stores a body of the largest size and refuses one byte more', async () => {
    const broker = await open();
    const stop = new AbortController();
    const box = new Mailbox<Message>();
    const message = { id: 'x'.repeat(128), topic: 'contract.kept.size.a' };
    const headers = { Filling: 'f'.repeat(2_000) };
    await broker.append({ ...message, headers, body: Buffer.alloc(broker.maxBodyBytes, 7) });
    const over = { ...message, body: Buffer.alloc(broker.maxBodyBytes + 1) };
    await assert.rejects(broker.append(over), { code: 'broker.too_large', retry: false });
    const tall = { ...message, headers: { F: 'f'.repeat(2_048) }, body: Buffer.from('x') };
    await assert.rejects(broker.append(tall), { code: 'broker.too_large', retry: false });
    const consuming = broker.consume('contract.kept.size.*', 'size', putDone(box), stop.signal);
    const [got] = await box.whenCount(1);
    assert.equal(got?.body.length, broker.maxBodyBytes);
    stop.abort();
    await consuming;
  });

  it('refuses what is no message, no stream, no group or no prefetch', async () => {
    const broker = await open();
    const message = { id: 'odd', topic: 'contract.kept.odd.a', body: Buffer.from('x') };
    const { signal } = new AbortController();
    const refused = (given: Partial<Message>, code: string): Promise<void> =>
      assert.rejects(broker.append({ ...message, ...given }), { code, retry: false });
    await refused({ topic: 'contract.kept.*.a' }, 'broker.invalid');
    await refused({ topic: 'contract.elsewhere' }, 'broker.no_stream');
    await refused({ id: 'a b' }, 'broker.invalid');
    await refused({ id: '' }, 'broker.invalid');
    await refused({ headers: { 'Nats-Msg-Id': 'other' } }, 'broker.invalid');
    await refused({ headers: { a: 'two\r\nlines' } }, 'broker.invalid');
    const consume = (pattern: string, group: string, prefetch = 1): Promise<void> =>
      broker.consume(pattern, group, async () => ({ kind: 'done' }), signal, { prefetch });
    await assert.rejects(consume('contract.elsewhere', 'odd'), { code: 'broker.no_stream' });
    await assert.rejects(consume('contract.kept.odd.*', 'a.b'), { code: 'broker.invalid' });
    await assert.rejects(consume('contract.kept.odd.*', 'odd', 0), { code: 'broker.invalid' });
  });
};

const stopping = (open: () => Promise<Broker>): void => {
  it('refuses a second pattern for a group', async () => {
    const broker = await open();
    const stop = new AbortController();
    const box = new Mailbox<Message>();
    for (const message of messages('contract.kept.fixed.a', 1)) await broker.append(message);
    const consuming = broker.consume('contract.kept.fixed.*', 'fixed', putDone(box), stop.signal);
    await box.whenCount(1);
    await assert.rejects(
      broker.consume('contract.kept.fixed.b', 'fixed', putDone(box), stop.signal),
      { code: 'broker.conflict', retry: false },
    );
    stop.abort();
    await consuming;
  });

  it('settles every delivery in hand before consume resolves and gives the rest back', async () => {
    const broker = await open();
    const [first, second] = [new AbortController(), new AbortController()];
    const begun = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const [early, late] = [new Mailbox<Message>(), new Mailbox<Message>()];
    let resolved = false;
    const handle: Handler = async (message) => {
      begun.resolve();
      await release.promise;
      return await putDone(early)(message, { attempt: 1 });
    };
    const sent = messages('contract.kept.drain.a', 10);
    await Promise.all(sent.map((message) => broker.append(message)));
    const pattern = 'contract.kept.drain.*';
    const consuming = broker
      .consume(pattern, 'drain', handle, first.signal, { prefetch: 3 })
      .then(() => {
        resolved = true;
      });
    await begun.promise;
    first.abort();
    const others = broker.consume(pattern, 'drain', putDone(late), second.signal);
    await late.whenCount(7);
    assert.equal(resolved, false);
    release.resolve();
    await consuming;
    await late.whenCount(10 - early.items.length);
    second.abort();
    await others;
    assert.deepEqual(ids([...early.items, ...late.items]), ids(sent));
  });
};
