import type { StreamSpec } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import type { Place } from './declare.ts';

/**
 * RabbitMQ 4 drops a message at its 20th delivery unless told otherwise; here nothing but a
 * settlement ends one. The largest number that every version takes.
 */
const DELIVERIES_MAX = 2_147_483_647;

/** The literal leading words of a pattern name the exchange; the rest is the routing key. */
const split = (pattern: string): { exchange: string; key: string } => {
  const words = pattern.split('.');
  const star = words.indexOf('*');
  const literal = star === -1 ? words.length : star;
  return { exchange: words.slice(0, literal).join('.'), key: words.slice(literal).join('.') };
};

/** @throws BrokerError `broker.invalid` where the topics of a stream name several exchanges. */
export const exchangeOf = (spec: StreamSpec): string => {
  const [first, ...others] = spec.topics.map((topic) => split(topic).exchange);
  if (first !== undefined && first !== '' && others.every((other) => other === first)) return first;
  throw new BrokerError(
    'broker.invalid',
    `The topics of the stream ${spec.name} must begin with the same words on RabbitMQ.`,
  );
};

/** What of `topic`, which lies in the exchange, is the routing key; a pattern is a binding key. */
export const keyOf = (exchange: string, topic: string): string => topic.slice(exchange.length + 1);

/** The topic of a message that came with `key`. */
export const topicOf = (exchange: string, key: string): string =>
  key === '' ? exchange : `${exchange}.${key}`;

/** Where the messages of `group` wait, or the exchange alone without one. */
export const placeOf = (spec: StreamSpec, group = spec.group, pattern?: string): Place => {
  const exchange = exchangeOf(spec);
  if (group === undefined) return { exchange };
  const isOwn = group === spec.group;
  return {
    exchange,
    queue: {
      name: isOwn ? exchange : `${exchange}.${group}`,
      options: { durable: true, arguments: queueArguments(spec) },
      // The stream's own queue gets what has any key, so that the odd ones can be buried.
      key: isOwn || pattern === undefined ? '#' : keyOf(exchange, pattern),
    },
  };
};

/**
 * Without a dead-letter exchange: it would carry the bodies of messages, which may hold secrets,
 * to the dead letters. The notes of dead messages are appended there instead.
 */
const queueArguments = (spec: StreamSpec): Record<string, string | number> => ({
  'x-queue-type': 'quorum',
  'x-delivery-limit': DELIVERIES_MAX,
  ...(spec.maxBytes === undefined ? {} : { 'x-max-length-bytes': spec.maxBytes }),
  ...(spec.keep === 'work'
    ? { 'x-overflow': 'reject-publish' }
    : { 'x-message-ttl': spec.maxAgeMs }),
});
