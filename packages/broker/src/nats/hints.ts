import type { Hint } from '../broker.ts';
import { checkName, checkPattern, isTopic } from '../topics.ts';
import type { NatsLink } from './link.ts';

/** Unread by the server; beyond it hints are dropped, so that a slow server costs no memory. */
const UNREAD_MAX_BYTES = 16 * 1_048_576;
const ASK_EVERY_BYTES = 1_048_576;

type NatsHints = {
  hint(topic: string, body: Uint8Array): void;
  dropped(): number;
};

/** Core NATS publishes: at most once. The server is asked now and then how far it has read. */
export const sendHints = (link: NatsLink): NatsHints => {
  let dropped = 0;
  let unreadBytes = 0;
  let asking = false;

  const ask = async (): Promise<void> => {
    asking = true;
    const askedBytes = unreadBytes;
    // A connection that is lost has forgotten what it had not sent, so both ends count alike.
    await link.nats.flush().catch(() => undefined);
    unreadBytes -= askedBytes;
    asking = false;
  };
  const hint = (topic: string, body: Uint8Array): void => {
    const sendable =
      link.isConnected() &&
      unreadBytes < UNREAD_MAX_BYTES &&
      body.length <= link.maxBodyBytes() &&
      isTopic(topic);
    if (!sendable) {
      dropped += 1;
      return;
    }
    try {
      link.nats.publish(topic, body);
    } catch {
      dropped += 1;
      return;
    }
    unreadBytes += body.length + topic.length;
    if (unreadBytes >= ASK_EVERY_BYTES && !asking) void ask();
  };
  return { hint, dropped: () => dropped };
};

/** Core NATS subscriptions, which the client makes anew after each return of the server. */
export const hearHints = async (
  link: NatsLink,
  pattern: string,
  hear: (hint: Hint) => void,
  stop: AbortSignal,
  group?: string,
): Promise<void> => {
  checkPattern(pattern);
  if (group !== undefined) checkName(group);
  if (stop.aborted) return;
  const subscription = link.nats.subscribe(pattern, {
    ...(group === undefined ? {} : { queue: group }),
    callback: (error, msg) => {
      if (stop.aborted) return;
      if (error !== null) {
        link.log.error({ topic: pattern, err: error }, 'The broker ended the listening.');
        return;
      }
      try {
        hear({ topic: msg.subject, body: msg.data });
      } catch (thrown) {
        link.log.error({ topic: msg.subject, err: thrown }, 'A listener to hints threw.');
      }
    },
  });
  stop.addEventListener('abort', () => subscription.unsubscribe(), { once: true });
  await link.flush();
};
