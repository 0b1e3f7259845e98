import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfirmChannel, ConsumeMessage } from 'amqplib';
import { Acks } from './acks.ts';

type Said = readonly [verb: 'ack' | 'nack', tag: number, isMany: boolean];

/** Deliveries 1 to `count`, and what is said of them. */
const openAcks = (count: number) => {
  const said: Said[] = [];
  const channel: Pick<ConfirmChannel, 'ack' | 'nack'> = {
    ack: ({ fields }, isMany = false) => said.push(['ack', fields.deliveryTag, isMany]),
    nack: ({ fields }, isMany = false) => said.push(['nack', fields.deliveryTag, isMany]),
  };
  const acks = new Acks(channel as ConfirmChannel);
  const raws = Array.from(
    { length: count },
    (_, at) => ({ fields: { deliveryTag: at + 1 } }) as ConsumeMessage,
  );
  for (const raw of raws) acks.open(raw);
  const raw = (tag: number): ConsumeMessage => raws[tag - 1] ?? assert.fail();
  return { acks, said, raw };
};

test('what is done at the head is acknowledged as one, once', async () => {
  const { acks, said, raw } = openAcks(4);
  for (const tag of [2, 1, 3]) acks.done(raw(tag));
  assert.deepEqual(said, []);
  await new Promise(setImmediate);
  assert.deepEqual(said, [['ack', 3, true]]);
  acks.flush();
  assert.equal(said.length, 1);
});

test('what is done behind something that is not goes by itself', () => {
  const { acks, said, raw } = openAcks(5);
  for (const tag of [1, 3, 5]) acks.done(raw(tag));
  acks.flush();
  assert.deepEqual(said.splice(0), [
    ['ack', 1, true],
    ['ack', 3, false],
    ['ack', 5, false],
  ]);
  acks.done(raw(2));
  acks.done(raw(4));
  acks.flush();
  assert.deepEqual(said, [['ack', 4, true]]);
});

test('what is given back holds nothing up, and is never acknowledged', () => {
  const { acks, said, raw } = openAcks(3);
  acks.back(raw(1));
  acks.done(raw(2));
  acks.flush();
  assert.deepEqual(said, [
    ['nack', 1, false],
    ['ack', 2, true],
  ]);
});
