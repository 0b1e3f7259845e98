import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Broker, LaneMessage, Message } from '../broker.ts';
import { Mailbox } from './mailbox.ts';
import { putDone } from './messages.ts';

const LANES = 7;

/** `count` messages of the lanes in turn; the words of their ids are the lane and the place. */
const laneMessages = (topic: string, count: number): LaneMessage[] =>
  Array.from({ length: count }, (_, at) => ({
    id: `${topic}/${at % LANES}/${at}`,
    topic,
    // Every byte that there is, in turn.
    body: Uint8Array.from({ length: 40 }, (_byte, index) => (at * 40 + index) % 256),
    lane: String(at % LANES),
  }));

const placesByLane = (messages: readonly Message[]): number[][] => {
  const lanes: number[][] = Array.from({ length: LANES }, () => []);
  for (const { id } of messages) {
    const [, lane, at] = id.split('/');
    lanes[Number(lane)]?.push(Number(at));
  }
  return lanes;
};

/** What `appendInOrder` promises. */
export const orderContract = (open: () => Promise<Broker>): void => {
  it('stores those of a lane in their order', async () => {
    const broker = await open();
    const [stop, box] = [new AbortController(), new Mailbox<Message>()];
    const sent = laneMessages('contract.kept.order.a', 1_000);
    assert.deepEqual(await broker.appendInOrder([]), { stored: 0, failure: undefined });
    assert.deepEqual(await broker.appendInOrder(sent), { stored: 1_000, failure: undefined });
    const options = { prefetch: 1 };
    const handle = putDone(box);
    const pattern = 'contract.kept.order.*';
    const consuming = broker.consume(pattern, 'order', handle, stop.signal, options);
    const got = await box.whenCount(1_000);
    stop.abort();
    await consuming;
    assert.deepEqual(placesByLane(got), placesByLane(sent));
    const bodyOf = new Map(sent.map(({ id, body }) => [id, Buffer.from(body)]));
    for (const { id, body } of got) assert.deepEqual(Buffer.from(body), bodyOf.get(id));
    assert.deepEqual({ ...got[0]?.headers }, {});
  });

  it('stops at the first of them that is refused, and says how many are stored', async () => {
    const broker = await open();
    const [stop, box] = [new AbortController(), new Mailbox<Message>()];
    const [before, over, odd, behind] = laneMessages('contract.kept.stops.a', 4);
    assert.ok(before && over && odd && behind);
    const large = { ...over, body: Buffer.alloc(broker.maxBodyBytes + 1) };
    const first = await broker.appendInOrder([before, large, odd]);
    assert.deepEqual([first.stored, first.failure?.code], [1, 'broker.too_large']);
    const second = await broker.appendInOrder([
      { ...odd, lane: 'odd', headers: { Kept: 'yes' } },
      { ...odd, lane: 'odd', id: 'no id' },
      { ...behind, lane: 'odd' },
    ]);
    assert.deepEqual([second.stored, second.failure?.code], [1, 'broker.invalid']);
    const nowhere = await broker.appendInOrder([{ ...behind, topic: 'contract.elsewhere' }]);
    assert.deepEqual([nowhere.stored, nowhere.failure?.code], [0, 'broker.no_stream']);
    const consuming = broker.consume('contract.kept.stops.*', 'stops', putDone(box), stop.signal);
    const got = await box.whenCount(2);
    stop.abort();
    await consuming;
    assert.deepEqual(got.map(({ id }) => id).sort(), [before.id, odd.id]);
  });
};
