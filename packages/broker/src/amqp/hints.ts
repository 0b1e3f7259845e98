import { randomUUID } from 'node:crypto';
import type { ConfirmChannel, ConsumeMessage } from 'amqplib';
import type { Hint, StreamSpec } from '../broker.ts';
import { checkName, checkPattern, covers, isTopic } from '../topics.ts';
import { declare, type QueuePlace, sharedName } from './declare.ts';
import type { Lane } from './lane.ts';
import { type AmqpLink, MAX_BODY_BYTES } from './link.ts';
import { exchangeOf, keyOf } from './places.ts';
import { toBuffer } from './properties.ts';

const EXCHANGE = 'switchyard.hints';
/** Unread by the server; beyond it hints are dropped, so that a slow server costs no memory. */
const UNREAD_MAX_BYTES = 16 * 1_048_576;
/** What waits at the server for a listener; beyond it the oldest go. */
const WAITING_MAX = 10_000;
const WAITING_MAX_BYTES = 16 * 1_048_576;
const LISTENING_WITHIN_MS = 2_000;

type AmqpHints = {
  hint(topic: string, body: Uint8Array): void;
  dropped(): number;
};

/**
 * Publications to one exchange, which nobody waits for; confirms tell what the server has read.
 * Those on a topic of a log without a group go to its exchange besides, for whoever is bound there.
 */
export const sendHints = (link: AmqpLink, specs: readonly StreamSpec[]): AmqpHints => {
  const logs = specs.filter(({ keep, group }) => keep === 'log' && group === undefined);
  let dropped = 0;
  let unreadBytes = 0;
  const lane = link.openLane({
    connection: link.publishing,
    doing: 'sending hints',
    declare: async () => {
      for (const exchange of [EXCHANGE, ...logs.map(exchangeOf)]) {
        await declare(link.consuming, { exchange });
      }
    },
  });

  const hint = (topic: string, body: Uint8Array): void => {
    const { channel } = lane;
    const bytes = body.length + topic.length;
    const sendable =
      link.isConnected() &&
      link.publishing.blocked() === undefined &&
      unreadBytes < UNREAD_MAX_BYTES &&
      body.length <= MAX_BODY_BYTES &&
      isTopic(topic);
    if (!sendable || channel === undefined) {
      dropped += 1;
      return;
    }
    unreadBytes += bytes;
    const read = (): void => {
      unreadBytes -= bytes;
    };
    try {
      const log = logs.find(({ topics }) => topics.some((held) => covers(held, topic)));
      if (log !== undefined) {
        const exchange = exchangeOf(log);
        channel.publish(exchange, keyOf(exchange, topic), toBuffer(body), { persistent: false });
      }
      channel.publish(EXCHANGE, topic, toBuffer(body), { persistent: false }, read);
    } catch {
      read();
      dropped += 1;
    }
  };
  return { hint, dropped: () => dropped };
};

/** A queue of its own for whoever listens alone; the members of a group share one. */
const placeOf = (pattern: string, group: string | undefined): QueuePlace => ({
  exchange: EXCHANGE,
  queue: {
    name:
      group === undefined ? `${EXCHANGE}.${randomUUID()}` : sharedName(EXCHANGE, group, pattern),
    options: {
      exclusive: group === undefined,
      durable: false,
      autoDelete: true,
      arguments: { 'x-max-length': WAITING_MAX, 'x-max-length-bytes': WAITING_MAX_BYTES },
    },
    key: pattern,
  },
});

/** Queues that live as long as somebody listens, made anew after each return of the server. */
export const hearHints = async (
  link: AmqpLink,
  pattern: string,
  hear: (hint: Hint) => void,
  stop: AbortSignal,
  group?: string,
): Promise<void> => {
  checkPattern(pattern);
  if (group !== undefined) checkName(group);
  if (stop.aborted) return;
  const place = placeOf(pattern, group);
  const take = ({ fields, content }: ConsumeMessage): void => {
    if (stop.aborted) return;
    try {
      hear({ topic: fields.routingKey, body: content });
    } catch (thrown) {
      link.log.error({ topic: fields.routingKey, err: thrown }, 'A listener to hints threw.');
    }
  };
  const listening = openListening(link, place, `listening to ${pattern}`, take);
  stop.addEventListener('abort', () => void listening.end(), { once: true });
  if (link.isConnected()) await listening.begun(LISTENING_WITHIN_MS);
};

type Listening = {
  /** Resolves when the server knows of it, or after `timeoutMs`. */
  begun(timeoutMs: number): Promise<void>;
  /** What the server has sent by then is still taken. */
  end(): Promise<void>;
};

/** Calls `take` for all that comes to the queue of `place`, at most once each. */
export const openListening = (
  link: AmqpLink,
  place: QueuePlace,
  doing: string,
  take: (message: ConsumeMessage) => void,
): Listening => {
  let consumer: { readonly channel: ConfirmChannel; readonly tag: string } | undefined;
  const lane: Lane = link.openLane({
    connection: link.consuming,
    doing,
    declare: () => declare(link.consuming, place),
    prepare: async (channel) => {
      const hear = (message: ConsumeMessage | null): void => {
        if (message === null) lane.renew(channel, 'the server cancelled the consumer');
        else take(message);
      };
      const { consumerTag } = await channel.consume(place.queue.name, hear, { noAck: true });
      consumer = { channel, tag: consumerTag };
    },
  });
  return {
    begun: async (timeoutMs) => {
      await lane.ready(timeoutMs).catch(() => undefined);
    },
    end: async () => {
      if (consumer !== undefined && consumer.channel === lane.channel) {
        await consumer.channel.cancel(consumer.tag).catch(() => undefined);
      }
      await link.closeLane(lane);
    },
  };
};
