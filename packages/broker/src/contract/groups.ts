import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Message } from '../broker.ts';
import type { ContractGround } from './ground.ts';
import { Mailbox } from './mailbox.ts';
import { ids, messages, putDone } from './messages.ts';

/** What a stream promises to its groups. */
export const groupContract = (ground: () => ContractGround): void => {
  it('gives each group all: members share it, a late group gets what is kept', async () => {
    const { open, keepsForLateGroups } = ground();
    const [one, two] = [await open(), await open()];
    const stop = new AbortController();
    const [shared, late] = [new Mailbox<Message>(), new Mailbox<Message>()];
    const early = messages('contract.kept.share.early', 100);
    await Promise.all(early.map((message) => one.append(message)));
    const pattern = 'contract.kept.share.*';
    const consuming = [
      one.consume(pattern, 'share', putDone(shared), stop.signal),
      two.consume(pattern, 'share', putDone(shared), stop.signal),
      two.consume(pattern, 'late', putDone(late), stop.signal),
    ];
    const probes = messages('contract.kept.share.probe', 10_000);
    const probed: Message[] = [];
    for (const probe of probes) {
      if (late.items.length > 0) break;
      probed.push(probe);
      await one.append(probe);
    }
    const rest = messages('contract.kept.share.rest', 100);
    await Promise.all(rest.map((message) => two.append(message)));
    const all = [...early, ...probed, ...rest];
    await shared.whenCount(all.length);
    const has = (items: readonly Message[], topic: string): number =>
      items.filter((message) => message.topic === topic).length;
    await late.when((items) => has(items, 'contract.kept.share.rest') >= 100);
    if (keepsForLateGroups) await late.whenCount(all.length);
    stop.abort();
    await Promise.all(consuming);
    assert.deepEqual(ids(shared.items), ids(all));
    assert.equal(new Set(ids(late.items)).size, late.items.length);
    assert.equal(has(late.items, 'contract.kept.share.rest'), 100);
    assert.equal(has(late.items, 'contract.kept.share.early'), keepsForLateGroups ? 100 : 0);
  });
};
