import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Message } from '../broker.ts';
import type { ContractGround } from './ground.ts';
import { Mailbox } from './mailbox.ts';
import { ids, messages, putDone } from './messages.ts';

/** What `append` promises of repeats. */
export const repeatContract = (ground: () => ContractGround): void => {
  it('delivers appends of one id under that id, once where it knows repeats', async () => {
    const { open, knowsRepeats } = ground();
    const broker = await open();
    const stop = new AbortController();
    const box = new Mailbox<Message>();
    const [twice, once] = messages('contract.kept.twice.a', 2);
    assert.ok(twice && once);
    const sent = [twice, twice, twice, once];
    const stored = knowsRepeats ? [twice, once] : sent;
    const consuming = broker.consume('contract.kept.twice.*', 'twice', putDone(box), stop.signal);
    for (const message of sent) await broker.append(message);
    await box.when(
      (items) => items.length >= stored.length && items.some(({ id }) => id === once.id),
    );
    stop.abort();
    await consuming;
    assert.deepEqual(ids(box.items), ids(stored));
  });
};
