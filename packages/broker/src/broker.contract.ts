import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Broker, StreamSpec } from './broker.ts';
import type { ContractGround } from './contract/ground.ts';
import { hintContract } from './contract/hints.ts';
import { repeatContract } from './contract/repeats.ts';
import { replyContract } from './contract/replies.ts';
import { requestContract } from './contract/requests.ts';
import { streamContract } from './contract/streams.ts';
import { workContract } from './contract/work.ts';

const CONTRACT_STREAMS: readonly StreamSpec[] = [
  {
    name: 'CONTRACT_KEPT',
    topics: ['contract.kept.*.*'],
    keep: 'log',
    maxAgeMs: 600_000,
    maxBytes: 8 * 1_048_576,
    duplicateWindowMs: 60_000,
  },
  {
    name: 'CONTRACT_DEAD',
    topics: ['contract.dead.*'],
    keep: 'log',
    maxAgeMs: 600_000,
    maxBytes: 1_048_576,
    duplicateWindowMs: 60_000,
  },
  {
    name: 'CONTRACT_WORK',
    topics: ['contract.work.*'],
    keep: 'work',
    group: 'workers',
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
  makeFixture: (streams: readonly StreamSpec[]) => Promise<ContractGround>,
): void => {
  describe(`${name} keeps the contract of a broker`, { timeout: 60_000 }, () => {
    let fixture: ContractGround | undefined;
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

    const ground = (): ContractGround => {
      assert.ok(fixture);
      return { ...fixture, open };
    };
    hintContract(open);
    requestContract(open);
    streamContract(open);
    repeatContract(ground);
    replyContract(ground);
    workContract(open);

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
