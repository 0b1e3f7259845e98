import type { Msg } from 'nats';
import type { Message } from '../broker.ts';
import { fromNatsHeaders } from './headers.ts';

/** A message that the server handed to us and that is not settled. */
export type Delivery = {
  readonly message: Message;
  readonly attempt: number;
  /** Where its settlement goes. */
  readonly reply: string;
};

/**
 * Reads what the server tells of a delivery in its reply topic (NATS ADR-15): `$JS.ACK.` with or
 * without domain and account, then stream, consumer, deliveries, two sequences, time, pending.
 */
export const readDelivery = (msg: Msg): Delivery | undefined => {
  const words = msg.reply?.split('.') ?? [];
  const at = words.length >= 11 ? 4 : 2;
  const attempt = Number(words[at + 2]);
  if (msg.reply === undefined || words[0] !== '$JS' || !Number.isInteger(attempt)) return undefined;
  const { id, headers } = fromNatsHeaders(msg);
  // A sender without ids is known by its place in the stream, and by the time, since the places
  // start anew when a store was lost.
  const place = `${words[at]}-${words[at + 3]}-${words[at + 5]}`;
  const message = { id: id ?? place, topic: msg.subject, body: msg.data, headers };
  return { message, attempt, reply: msg.reply };
};
