import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Broker, StreamSpec } from './broker.ts';
import type { ContractGround } from './contract/ground.ts';
import { groupContract } from './contract/groups.ts';
import { hintContract } from './contract/hints.ts';
import { orderContract } from './contract/order.ts';
import { repeatContract } from './contract/repeats.ts';
import { replyContract } from './contract/replies.ts';
import { requestContract } from './contract/requests.ts';
import { streamContract } from './contract/streams.ts';
import { workContract } from './contract/work.ts';

/** Each test has a stream of its own, with a group of its name. */
const TESTS = [
  'share',
  'whole',
  'resume',
  'twice',
  'again',
  'wait',
  'poison',
  'slow',
  'size',
  'odd',
  'fixed',
  'drain',
  'reply',
  'forged',
  'order',
  'stops',
  'closed',
] as const;

const CONTRACT_STREAMS: readonly StreamSpec[] = [
  ...TESTS.map(
    (test): StreamSpec => ({
      name: `CONTRACT_${test}`,
      topics: [`contract.kept.${test}.*`],
      keep: 'log',
      group: test,
      maxAgeMs: 600_000,
      // Room for the largest body that a broker takes.
      maxBytes: 32 * 1_048_576,
      duplicateWindowMs: 60_000,
    }),
  ),
  {
    name: 'CONTRACT_DEAD',
    topics: ['contract.dead.*'],
    keep: 'log',
    group: 'undertaker',
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
  describe(`${name} keeps the contract of a broker`, { timeout: 240_000 }, () => {
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
    orderContract(open);
    groupContract(ground);
    repeatContract(ground);
    replyContract(ground);
    workContract(open);

    // The last one: where there is one broker only, it is closed now.
    it('closes as often as it is told to, and refuses afterwards', async () => {
      const broker = await open();
      const { hintsDropped } = broker.stats();
      assert.equal(broker.stats().connected, true);
      await broker.close();
      await broker.close();
      broker.hint('contract.closed', Buffer.from('x'));
      const stats = { connected: false, hintsDropped: hintsDropped + 1, reconnects: 0 };
      assert.deepEqual(broker.stats(), stats);
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
    });
  });
};
