import type { Handler, Message } from '../broker.ts';
import type { Mailbox } from './mailbox.ts';

/** `count` messages to `topic`, each with an id of its own. */
export const messages = (topic: string, count: number): Message[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `${topic}/${index}`,
    topic,
    body: Buffer.from(String(index)),
  }));

/** A handler that keeps what it is given. */
export const putDone =
  (box: Mailbox<Message>): Handler =>
  async (message) => {
    box.put(message);
    return { kind: 'done' };
  };

/** Sorted, for comparisons of what was sent with what came. */
export const ids = (list: readonly Message[]): string[] => list.map(({ id }) => id).sort();
