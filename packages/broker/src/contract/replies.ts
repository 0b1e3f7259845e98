import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Handler, type Message, REPLY_HEADERS, type Settlement } from '../broker.ts';
import type { ContractGround } from './ground.ts';
import { Mailbox, text } from './mailbox.ts';

/** What a settlement's `reply` promises. */
export const replyContract = (ground: () => ContractGround): void => {
  it('replies where the sender said: of what is done and of what is dead, once each', async () => {
    const { open, openReplyBox } = ground();
    const [broker, box] = [await open(), await openReplyBox()];
    const stop = new AbortController();
    const settled = new Mailbox<string>();
    const handle: Handler = async ({ body }, { attempt }): Promise<Settlement> => {
      if (attempt === 1) return { kind: 'again', afterMs: 0 };
      settled.put(text(body));
      const reply = Buffer.from(`re: ${text(body)}`);
      if (text(body) === 'silent') return { kind: 'done' };
      if (text(body) === 'poison') return { kind: 'dead', reason: 'poison', reply };
      return { kind: 'done', reply };
    };
    const consuming = broker.consume('contract.kept.reply.*', 'reply', handle, stop.signal);
    const asks: Record<string, string> = { [REPLY_HEADERS.to]: box.address };
    const send = (body: string, headers: Record<string, string>): Promise<void> =>
      broker.append({
        id: `reply-${body}`,
        topic: 'contract.kept.reply.a',
        body: Buffer.from(body),
        headers,
      });
    await send('unasked', {});
    await send('silent', asks);
    await send('good', { ...asks, [REPLY_HEADERS.correlationId]: 'c 1' });
    await send('poison', asks);
    await settled.whenCount(4);
    const heard = await box.whenCount(2);
    stop.abort();
    await consuming;
    const bodies = heard.map(({ body }) => body).sort();
    assert.deepEqual(bodies, ['re: good', 're: poison']);
    const correlation = heard.find(({ body }) => body === 're: good')?.correlationId;
    assert.equal(correlation, box.correlates ? 'c 1' : undefined);
  });

  it('ignores a reply address that could reach our own names, or that is none', async () => {
    const broker = await ground().open();
    const [stop, ours] = [new AbortController(), new Mailbox<string>()];
    await broker.listen('switchyard.hint.*', ({ body }) => ours.put(text(body)), stop.signal);
    const box = new Mailbox<Message>();
    const handle: Handler = async (message) => {
      box.put(message);
      return { kind: 'done', reply: Buffer.from('forged') };
    };
    const addresses = ['switchyard.hint.stop', 'SWITCHYARD', '$JS.API.INFO', 'amq.topic', 'a..b'];
    for (const [index, to] of [...addresses, 'a b', '>', 'a.*'].entries()) {
      const headers = { [REPLY_HEADERS.to]: to };
      const topic = 'contract.kept.forged.a';
      await broker.append({ id: `forged-${index}`, topic, body: Buffer.from('x'), headers });
    }
    const consuming = broker.consume('contract.kept.forged.*', 'forged', handle, stop.signal);
    await box.whenCount(addresses.length + 3);
    broker.hint('switchyard.hint.stop', Buffer.from('real'));
    assert.deepEqual(await ours.whenCount(1), ['real']);
    stop.abort();
    await consuming;
  });
};
