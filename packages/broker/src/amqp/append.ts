import { setTimeout as pause } from 'node:timers/promises';
import type { ConfirmChannel } from 'amqplib';
import type { Message, StreamSpec } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { APPENDS_MAX_BYTES, checkMessage, MESSAGE_OVERHEAD_BYTES } from '../limits.ts';
import { streamFinder } from '../topics.ts';
import { declare } from './declare.ts';
import { isMissing, isRefused, reasonOf, toBrokerError } from './failure.ts';
import type { Lane } from './lane.ts';
import { type AmqpLink, MAX_BODY_BYTES } from './link.ts';
import { exchangeOf, keyOf, placeOf } from './places.ts';
import { toBuffer, toProperties } from './properties.ts';

const CONFIRMED_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 500;
/**
 * A queue that is made anew at once, before the server has told the consumers of the old one,
 * keeps them, but with the numbers of the old one: its first messages seem delivered to them.
 */
const FORGOTTEN_AFTER_MS = 500;

type Publisher = {
  readonly topics: readonly string[];
  readonly spec: StreamSpec;
  readonly exchange: string;
  readonly lane: Lane;
  /** Messages that the server gave back and did not confirm yet: it confirms those as well. */
  readonly returned: Map<string, number>;
};

/** Nobody took it: the exchange, the queue or what binds them is gone. */
class NoRoute extends Error {}

/** @returns the port's `append`: a publication that waits for the server's word. */
export const makeAppend = (
  link: AmqpLink,
  specs: readonly StreamSpec[],
): ((message: Message) => Promise<void>) => {
  const publisherOf = streamFinder(specs.map((spec) => openPublisher(link, spec)));
  const patience = createPatience();
  let unconfirmedBytes = 0;

  return async (message) => {
    checkMessage(message, MAX_BODY_BYTES);
    const publisher = publisherOf(message.topic);
    link.checkPublishing();
    const bytes = message.body.length + MESSAGE_OVERHEAD_BYTES;
    if (unconfirmedBytes > 0 && unconfirmedBytes + bytes > APPENDS_MAX_BYTES) {
      throw new BrokerError('broker.unavailable', 'Too much waits for the word of RabbitMQ.');
    }
    const count = (change: 1 | -1): void => {
      unconfirmedBytes += change * bytes;
    };
    try {
      await publish(publisher, message, patience, count);
    } catch (error) {
      if (!(error instanceof NoRoute)) throw error;
      await pause(FORGOTTEN_AFTER_MS);
      await declare(link.consuming, placeOf(publisher.spec));
      await publish(publisher, message, patience, count).catch((again: unknown) => {
        throw again instanceof NoRoute ? noStream(publisher, message) : again;
      });
    }
  };
};

const noStream = ({ exchange }: Publisher, { topic }: Message): BrokerError =>
  new BrokerError(
    'broker.no_stream',
    `RabbitMQ has no queue for ${topic}: its binding to the exchange ${exchange} is missing.`,
  );

/** A lane for each stream: what one of them does wrong fails no message of another. */
const openPublisher = (link: AmqpLink, spec: StreamSpec): Publisher => {
  const exchange = exchangeOf(spec);
  const returned = new Map<string, number>();
  const lane = link.openLane({
    connection: link.publishing,
    doing: `appending to ${exchange}`,
    declare: async () => undefined,
    prepare: async (channel) => {
      returned.clear();
      channel.on('return', ({ fields, properties }) => {
        const key = returnKey(fields.routingKey, properties.messageId);
        returned.set(key, (returned.get(key) ?? 0) + 1);
      });
    },
  });
  return { topics: spec.topics, spec, exchange, lane, returned };
};

const returnKey = (routingKey: string, id: unknown): string => `${routingKey} ${String(id)}`;

/** Whether what is confirmed now was given back a moment before. */
const takeReturned = (returned: Map<string, number>, key: string): boolean => {
  const times = returned.get(key) ?? 0;
  if (times > 1) returned.set(key, times - 1);
  else returned.delete(key);
  return times > 0;
};

type Waiting = {
  readonly topic: string;
  readonly lateAtMs: number;
  readonly reject: (error: Error) => void;
};

type Patience = ReturnType<typeof createPatience>;

/** Gives up on what is not confirmed in time: one look now and then for all that wait. */
const createPatience = () => {
  // In the order of their coming, so that the first one that is not late ends the look.
  const waiting = new Set<Waiting>();
  let isLooking = false;
  const look = (): void => {
    const nowMs = performance.now();
    for (const one of waiting) {
      if (one.lateAtMs > nowMs) break;
      waiting.delete(one);
      const late = `RabbitMQ did not confirm ${one.topic} within ${CONFIRMED_WITHIN_MS} ms.`;
      one.reject(new BrokerError('broker.unavailable', late));
    }
    isLooking = waiting.size > 0;
    if (isLooking) setTimeout(look, LOOK_EVERY_MS);
  };
  return {
    begin: (one: Waiting): void => {
      waiting.add(one);
      if (!isLooking) setTimeout(look, LOOK_EVERY_MS);
      isLooking = true;
    },
    end: (one: Waiting): void => {
      waiting.delete(one);
    },
  };
};

/** `count` holds what the server, or a buffer on the way to it, has and did not confirm. */
const publish = async (
  { spec, exchange, lane, returned }: Publisher,
  message: Message,
  patience: Patience,
  count: (change: 1 | -1) => void,
): Promise<void> => {
  const routingKey = keyOf(exchange, message.topic);
  const properties = toProperties(message.id, message.headers);
  const options = { ...properties, mandatory: spec.group !== undefined };
  const channel = lane.channel ?? (await lane.ready(CONFIRMED_WITHIN_MS));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const waiting: Waiting = {
    topic: message.topic,
    lateAtMs: performance.now() + CONFIRMED_WITHIN_MS,
    reject,
  };
  const confirmed = (error: unknown): void => {
    patience.end(waiting);
    count(-1);
    if (error !== null) reject(toRefusal(error, lane, channel, message.topic));
    else if (takeReturned(returned, returnKey(routingKey, message.id))) reject(new NoRoute());
    else resolve();
  };
  patience.begin(waiting);
  count(1);
  try {
    channel.publish(exchange, routingKey, toBuffer(message.body), options, confirmed);
  } catch (error) {
    confirmed(error);
  }
  await promise;
};

/** What a publication that was not confirmed means. */
const toRefusal = (error: unknown, lane: Lane, channel: ConfirmChannel, topic: string): Error => {
  const doing = `appending to ${topic}`;
  if (error instanceof Error && error.message === 'message nacked') {
    const message = `RabbitMQ took ${topic} not: the queue is full, or cannot store for now.`;
    return new BrokerError('broker.unavailable', message, { cause: error });
  }
  // The channel was closed under all that waited; the reason is that of one of them.
  const reason = lane.channel === channel ? undefined : lane.failure;
  if (isMissing(reason)) return new NoRoute();
  const isOurs = !reasonOf(reason).includes('topic') || reasonOf(reason).includes(`'${topic}'`);
  if (isRefused(reason) && isOurs) return toBrokerError(reason, doing);
  return new BrokerError('broker.unavailable', `RabbitMQ failed while ${doing}.`, {
    cause: reason ?? error,
  });
};
