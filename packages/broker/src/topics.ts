import type { StreamSpec } from './broker.ts';
import { BrokerError } from './broker-error.ts';

/**
 * Topics are dot-separated words, patterns may have `*` for exactly one word. Both brokers read
 * that in the same way: NATS as a subject, RabbitMQ as a routing key of a topic exchange.
 */
const TOPIC = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const PATTERN = /^(?:[A-Za-z0-9_-]+|\*)(?:\.(?:[A-Za-z0-9_-]+|\*))*$/;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const TOPIC_MAX_CHARS = 200;

/** Whether `text` may be published to. */
export const isTopic = (text: string): boolean =>
  text.length <= TOPIC_MAX_CHARS && TOPIC.test(text);

/** @throws BrokerError `broker.invalid` where `topic` may not be published to. */
export const checkTopic = (topic: string): void => {
  if (isTopic(topic)) return;
  throw new BrokerError(
    'broker.invalid',
    `"${topic}" is no topic: dot-separated words of letters, digits, "_" and "-" are.`,
  );
};

/** Whether `address` is a topic of somebody outside, to whom a reply may go. */
export const isForeignTopic = (address: string): boolean =>
  isTopic(address) && !/^switchyard(?:\.|$)/i.test(address);

/** @throws BrokerError `broker.invalid` where `pattern` may not be listened to or consumed. */
export const checkPattern = (pattern: string): void => {
  if (pattern.length <= TOPIC_MAX_CHARS && PATTERN.test(pattern)) return;
  throw new BrokerError(
    'broker.invalid',
    `"${pattern}" is no pattern: dot-separated words of letters, digits, "_" and "-", ` +
      'or "*" for one word, are.',
  );
};

/** @throws BrokerError `broker.invalid` where `name` cannot name a group or a stream. */
export const checkName = (name: string): void => {
  if (NAME.test(name)) return;
  throw new BrokerError(
    'broker.invalid',
    `"${name}" is no name: 1 to 64 letters, digits, "_" and "-" are.`,
  );
};

/** Whether `pattern` takes in every topic that `other`, a topic or a pattern, takes in. */
export const covers = (pattern: string, other: string): boolean => {
  if (pattern === other) return true;
  if (!pattern.includes('*')) return false;
  const words = pattern.split('.');
  const others = other.split('.');
  return (
    words.length === others.length &&
    words.every((word, index) => word === '*' || word === others[index])
  );
};

/**
 * Checks what a stream is declared with.
 * @throws BrokerError `broker.invalid`.
 */
export const checkSpec = (spec: StreamSpec): void => {
  checkName(spec.name);
  spec.topics.forEach(checkPattern);
  if (spec.group === undefined) return;
  checkName(spec.group);
  if (spec.topics.length === 1) return;
  throw new BrokerError(
    'broker.invalid',
    `The stream ${spec.name} has a group, which consumes one pattern: it must have one topic.`,
  );
};

/**
 * The group that a stream is declared with consumes all of it, and of `work` nobody else any.
 * @throws BrokerError `broker.conflict`.
 */
export const checkGroup = (spec: StreamSpec, group: string, pattern: string): void => {
  checkName(group);
  if (spec.group === group ? spec.topics[0] === pattern : spec.keep === 'log') return;
  throw new BrokerError(
    'broker.conflict',
    `The group ${spec.group} consumes all of the stream ${spec.name}` +
      `${spec.keep === 'work' ? ', and no other group any' : ''}; ${group} asks for ${pattern}.`,
  );
};

/**
 * The stream of `streams` that holds all of `topic`, a topic or a pattern.
 * @throws BrokerError `broker.no_stream`.
 */
export const streamOf = <S extends { readonly topics: readonly string[] }>(
  streams: readonly S[],
  topic: string,
): S => {
  const found = streams.find((stream) => stream.topics.some((held) => covers(held, topic)));
  if (found !== undefined) return found;
  throw new BrokerError('broker.no_stream', `No declared stream holds the topic "${topic}".`);
};

const TOPICS_REMEMBERED = 1_000;

/**
 * `streamOf` for who asks for the same few topics again and again: it remembers its answers.
 * @throws BrokerError `broker.invalid` where it is none to be published to, `broker.no_stream`.
 */
export const streamFinder = <S extends { readonly topics: readonly string[] }>(
  streams: readonly S[],
): ((topic: string) => S) => {
  const known = new Map<string, S>();
  return (topic) => {
    const remembered = known.get(topic);
    if (remembered !== undefined) return remembered;
    checkTopic(topic);
    const found = streamOf(streams, topic);
    if (known.size >= TOPICS_REMEMBERED) known.clear();
    known.set(topic, found);
    return found;
  };
};
