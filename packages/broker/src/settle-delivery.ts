import { createHash } from 'node:crypto';
import {
  type BrokerLog,
  DEAD_HEADERS,
  type Handler,
  type Message,
  REPLY_HEADERS,
} from './broker.ts';

/** What an adapter does with a delivery in the end: forget it, or hand it out again later. */
export type Verdict = { kind: 'done' } | { kind: 'again'; afterMs: number };

export type DeliveryRules = {
  readonly group: string;
  readonly handle: Handler;
  readonly deadTopic: ((message: Message) => string) | undefined;
  readonly append: (message: Message) => Promise<void>;
  readonly replies: Replies;
  readonly log: BrokerLog;
};

/** How an adapter sends the replies that senders ask for. */
export type Replies = {
  /** Whether `address` is one of somebody outside. */
  allows(address: string): boolean;
  /** At most once, without waiting. */
  send(reply: Reply): void;
};

export type Reply = {
  readonly to: string;
  readonly correlationId: string | undefined;
  readonly body: Uint8Array;
};

/** RabbitMQ takes a delivery from a consumer that holds it for more than half an hour. */
const AGAIN_MAX_MS = 600_000;
const THROWN_FIRST_MS = 100;
const THROWN_MAX_MS = 30_000;
const REASON_MAX_CHARS = 400;
const ADDRESS_SHOWN_CHARS = 100;

/**
 * Runs the handler on one delivery, and the note of its death where it is dead. Never throws: a
 * handler that does, or a note that cannot be stored, means another delivery.
 */
export const settleDelivery = async (
  rules: DeliveryRules,
  message: Message,
  attempt: number,
): Promise<Verdict> => {
  const { group, log } = rules;
  const fields = { topic: message.topic, group, id: message.id, attempt };
  const run = async () => await rules.handle(message, { attempt });
  const settlement = await run().catch((error: unknown) => {
    log.warn({ ...fields, err: error }, 'A handler threw; its message is delivered again.');
    return again(backOffMs(attempt));
  });
  switch (settlement.kind) {
    case 'done':
      reply(rules, message, settlement.reply);
      return DONE;
    case 'again':
      return again(Math.min(Math.max(Math.round(settlement.afterMs) || 0, 0), AGAIN_MAX_MS));
    case 'dead':
      try {
        await bury(rules, message, settlement.reason);
      } catch (error) {
        log.error({ ...fields, err: error }, 'The note of a dead message could not be stored.');
        return again(backOffMs(attempt));
      }
      reply(rules, message, settlement.reply);
      return DONE;
    default:
      return settlement satisfies never;
  }
};

/** A reply that cannot be sent must not cost a settlement: the work itself is done. */
const reply = (rules: DeliveryRules, message: Message, body: Uint8Array | undefined): void => {
  const to = message.headers?.[REPLY_HEADERS.to];
  if (body === undefined || to === undefined) return;
  const fields = { topic: message.topic, group: rules.group, id: message.id };
  if (!rules.replies.allows(to)) {
    const address = to.slice(0, ADDRESS_SHOWN_CHARS);
    rules.log.warn({ ...fields, address }, 'A reply address is ignored: it may not be replied to.');
    return;
  }
  try {
    const correlationId = message.headers?.[REPLY_HEADERS.correlationId];
    rules.replies.send({ to, correlationId, body });
  } catch (error) {
    rules.log.warn({ ...fields, err: error }, 'A reply could not be sent.');
  }
};

const bury = async (rules: DeliveryRules, message: Message, reason: string): Promise<void> => {
  const note = {
    [DEAD_HEADERS.reason]: oneLine(reason),
    [DEAD_HEADERS.id]: oneLine(message.id),
    [DEAD_HEADERS.topic]: message.topic,
    [DEAD_HEADERS.length]: String(message.body.length),
    [DEAD_HEADERS.sha256]: createHash('sha256').update(message.body).digest('hex'),
  };
  rules.log.warn({ group: rules.group, ...note }, 'A message is dead.');
  if (rules.deadTopic !== undefined) {
    await rules.append({
      // Its own id, so that a second burial after a crash is known as a repeat.
      id: createHash('sha256').update(`${rules.group} ${message.id}`).digest('hex'),
      topic: rules.deadTopic(message),
      body: new Uint8Array(),
      headers: note,
    });
  }
};

const DONE: Verdict = { kind: 'done' };

const again = (afterMs: number): Extract<Verdict, { kind: 'again' }> => ({
  kind: 'again',
  afterMs,
});

const backOffMs = (attempt: number): number =>
  Math.min(THROWN_FIRST_MS * 2 ** Math.min(attempt - 1, 16), THROWN_MAX_MS);

const oneLine = (text: string): string =>
  text
    .replaceAll(/[^\x21-\x7e]+/g, ' ')
    .slice(0, REASON_MAX_CHARS)
    .trim();
