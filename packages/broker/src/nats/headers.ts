import { headers, type Msg, type MsgHdrs } from 'nats';
import type { Headers } from '../broker.ts';

const OF_THE_VENDOR = /^nats-/i;
const MESSAGE_ID = 'Nats-Msg-Id';

/** The headers of the port as NATS sends them, with the `id` of a message that is stored. */
export const toNatsHeaders = (given: Headers = {}, id?: string): MsgHdrs => {
  const made = headers();
  if (id !== undefined) made.append(MESSAGE_ID, id);
  for (const [name, value] of Object.entries(given)) made.append(name, value);
  return made;
};

/**
 * What a message carries, without what NATS put there. Others than this port may have sent it:
 * headers that cannot be read count as none, as do repeats of a name.
 */
export const fromNatsHeaders = (msg: Msg): { id: string | undefined; headers: Headers } => {
  try {
    const found: Record<string, string> = Object.create(null);
    for (const [name, [value]] of msg.headers ?? []) {
      if (!OF_THE_VENDOR.test(name) && value !== undefined) found[name] = value;
    }
    return { id: msg.headers?.get(MESSAGE_ID) || undefined, headers: { ...found } };
  } catch {
    return { id: undefined, headers: {} };
  }
};
