import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Broker, StreamSpec } from './broker.ts';
import { hintContract } from './contract/hints.ts';
import { requestContract } from './contract/requests.ts';
import { streamContract } from './contract/streams.ts';

/** What the suite needs of an adapter. */
type BrokerFixture = {
  /** One more broker on the same ground, or the same one where there is one only. */
  open(): Promise<Broker>;
  /** Ends the ground; every broker of it is closed. */
  end(): Promise<void>;
};

const CONTRACT_STREAMS: readonly StreamSpec[] = [
  {
    name: 'CONTRACT_KEPT',
    topics: ['contract.kept.*.*'],
    maxAgeMs: 600_000,
    maxBytes: 8 * 1_048_576,
    duplicateWindowMs: 60_000,
  },
  {
    name: 'CONTRACT_DEAD',
    topics: ['contract.dead.*'],
    maxAgeMs: 600_000,
    maxBytes: 1_048_576,
    duplicateWindowMs: 60_000,
  },
];

/**
 * What every adapter promises, as tests: call it from the adapter's test file. Each test has
 * topics of its own, so that all of them share one ground.
 */
export const brokerContract = (
  name: string,
  makeFixture: (streams: readonly StreamSpec[]) => Promise<BrokerFixture>,
): void => {
  describe(`${name} keeps the contract of a broker`, { timeout: 60_000 }, () => {
    let fixture: BrokerFixture | undefined;
    const opened: Broker[] = [];
    const open = async (): Promise<Broker> => {
      assert.ok(fixture);
      const broker = await fixture.open();
      opened.push(broker);
      return broker;
    };
    before(async () => {
      fixture = await makeFixture(CONTRACT_STREAMS);
    });
    after(async () => {
      await Promise.all(opened.map((broker) => broker.close()));
      await fixture?.end();
    });

    hintContract(open);
    requestContract(open);
    streamContract(open);

    it('closes as often as it is told to, and refuses afterwards', async () => {
      const own = await makeFixture(CONTRACT_STREAMS);
      const broker = await own.open();
      assert.equal(broker.stats().connected, true);
      await broker.close();
      await broker.close();
      broker.hint('contract.closed', Buffer.from('x'));
      assert.deepEqual(broker.stats(), { connected: false, hintsDropped: 1, reconnects: 0 });
      const message = { id: 'a', topic: 'contract.kept.closed.a', body: Buffer.from('x') };
      await assert.rejects(broker.append(message), { code: 'broker.unavailable', retry: true });
      const never = new AbortController().signal;
      const consumed = broker.consume(
        'contract.kept.closed.*',
        'closed',
        async () => ({ kind: 'done' }),
        never,
      );
      await assert.rejects(consumed, { code: 'broker.unavailable' });
      await own.end();
    });
  });
};
