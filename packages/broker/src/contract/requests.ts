import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Broker } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { text } from './mailbox.ts';

/** Asks again until the broker knows of whoever serves. */
const askUntilServed = async (broker: Broker, topic: string, body: string): Promise<Uint8Array> => {
  for (;;) {
    try {
      return await broker.request(topic, Buffer.from(body), 10_000);
    } catch (error) {
      if (!(error instanceof BrokerError && error.message.includes('nobody serves'))) throw error;
      await pause(20);
    }
  }
};

/** What `request` and `serve` promise. */
export const requestContract = (open: () => Promise<Broker>): void => {
  answering(open);
  refusing(open);
};

const answering = (open: () => Promise<Broker>): void => {
  it('answers a request by one member of the group', async () => {
    const broker = await open();
    const stop = new AbortController();
    let asked = 0;
    const serve = () =>
      broker.serve(
        'contract.ask.*',
        'answerers',
        async ({ topic, body }) => {
          asked += 1;
          return Buffer.from(`${topic}: ${text(body)}`);
        },
        stop.signal,
      );
    const serving = [serve(), serve()];
    await askUntilServed(broker, 'contract.ask.a', 'first');
    asked = 0;
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        broker.request('contract.ask.a', Buffer.from(String(index)), 5_000),
      ),
    );
    assert.deepEqual(
      answers.map(text),
      answers.map((_, index) => `contract.ask.a: ${index}`),
    );
    assert.equal(asked, 50);
    stop.abort();
    await Promise.all(serving);
  });

  it('finishes the answers that it began before serve resolves', async () => {
    const broker = await open();
    const stop = new AbortController();
    const begun = Promise.withResolvers<void>();
    const held = Promise.withResolvers<Uint8Array>();
    let resolved = false;
    const answer = async (): Promise<Uint8Array> => {
      begun.resolve();
      return await held.promise;
    };
    const serving = broker.serve('contract.ask-drain', 'drain', answer, stop.signal).then(() => {
      resolved = true;
    });
    const asked = askUntilServed(broker, 'contract.ask-drain', 'x');
    await begun.promise;
    stop.abort();
    // A round trip passes; the answer is still owed.
    await assert.rejects(broker.request('contract.ask-nobody', Buffer.from('x'), 5_000));
    assert.equal(resolved, false);
    held.resolve(Buffer.from('at last'));
    assert.equal(text(await asked), 'at last');
    await serving;
  });
};

const refusing = (open: () => Promise<Broker>): void => {
  it('says that nobody answers: at once where nobody serves, else after the time', async () => {
    const broker = await open();
    const stop = new AbortController();
    const beganAt = performance.now();
    await assert.rejects(broker.request('contract.ask-nobody', Buffer.from('x'), 20_000), {
      code: 'broker.no_answer',
      retry: true,
    });
    assert.ok(performance.now() - beganAt < 10_000);

    const held = Promise.withResolvers<Uint8Array>();
    const serving = broker.serve('contract.ask-late', 'late', () => held.promise, stop.signal);
    const throwing = broker.serve(
      'contract.ask-thrower',
      'thrower',
      () => Promise.reject(new Error('An answerer threw on purpose.')),
      stop.signal,
    );
    for (const topic of ['contract.ask-late', 'contract.ask-thrower']) {
      await assert.rejects(broker.request(topic, Buffer.from('x'), 100), {
        code: 'broker.no_answer',
      });
    }
    held.resolve(Buffer.from('too late'));
    stop.abort();
    await Promise.all([serving, throwing]);
  });

  it('refuses a request over the size limit and a topic that is none', async () => {
    const broker = await open();
    const large = Buffer.alloc(broker.maxBodyBytes + 1);
    await assert.rejects(broker.request('contract.ask.large', large, 1_000), {
      code: 'broker.too_large',
      retry: false,
    });
    await assert.rejects(broker.request('contract.ask.*', Buffer.from('x'), 1_000), {
      code: 'broker.invalid',
    });
  });
};
