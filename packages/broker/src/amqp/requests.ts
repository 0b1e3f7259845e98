import { randomUUID } from 'node:crypto';
import type { ConsumeMessage } from 'amqplib';
import type { Answer } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { ANSWERS_MAX, checkBody } from '../limits.ts';
import type { Replies } from '../settle-delivery.ts';
import { checkName, checkPattern, checkTopic } from '../topics.ts';
import { declare, type QueuePlace, sharedName } from './declare.ts';
import { toBrokerError } from './failure.ts';
import { openListening } from './hints.ts';
import { type AmqpLink, MAX_BODY_BYTES } from './link.ts';
import { fromProperties, toBuffer } from './properties.ts';

const EXCHANGE = 'switchyard.requests';
/** The server's own: answers come without a queue, to the channel that asked. */
const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';
const OPEN_WITHIN_MS = 2_000;

type Asked = { readonly resolve: (body: Uint8Array) => void; readonly fail: (why: string) => void };

/** @returns the port's `request`, by direct reply-to; nothing is stored. */
export const makeRequest = (
  link: AmqpLink,
): ((topic: string, body: Uint8Array, timeoutMs: number) => Promise<Uint8Array>) => {
  const asked = new Map<string, Asked>();
  const lane = link.openLane({
    connection: link.publishing,
    doing: 'asking',
    declare: () => declare(link.consuming, { exchange: EXCHANGE }),
    prepare: async (channel) => {
      const hear = (message: ConsumeMessage | null): void => {
        if (message === null) lane.renew(channel, 'the server ended the answers');
        else asked.get(String(message.properties.correlationId))?.resolve(message.content);
      };
      await channel.consume(DIRECT_REPLY_TO, hear, { noAck: true });
      channel.on('return', ({ properties }) => {
        asked.get(String(properties.correlationId))?.fail('nobody serves it');
      });
      channel.on('close', () => {
        for (const { fail } of asked.values()) fail('RabbitMQ was lost meanwhile');
      });
    },
  });

  return async (topic, body, timeoutMs) => {
    checkTopic(topic);
    checkBody(body, MAX_BODY_BYTES);
    link.checkPublishing();
    const channel = lane.channel ?? (await lane.ready(OPEN_WITHIN_MS));
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const fail = (why: string): void =>
      reject(new BrokerError('broker.no_answer', `No answer from ${topic}: ${why}.`));
    const correlationId = randomUUID();
    const waitMs = Math.max(1, timeoutMs);
    const late = (): void => fail(`nobody answered within ${timeoutMs} ms`);
    const timer = setTimeout(late, waitMs);
    asked.set(correlationId, { resolve, fail });
    const options = {
      correlationId,
      replyTo: DIRECT_REPLY_TO,
      mandatory: true,
      persistent: false,
      // Nobody waits for the answer of one that was left lying.
      expiration: Math.ceil(waitMs),
    };
    try {
      channel.publish(EXCHANGE, topic, toBuffer(body), options);
      return await promise;
    } catch (error) {
      throw toBrokerError(error, `asking ${topic}`);
    } finally {
      clearTimeout(timer);
      asked.delete(correlationId);
    }
  };
};

const placeOf = (pattern: string, group: string): QueuePlace => ({
  exchange: EXCHANGE,
  queue: {
    name: sharedName(EXCHANGE, group, pattern),
    options: {
      durable: false,
      autoDelete: true,
      arguments: { 'x-max-length': ANSWERS_MAX, 'x-overflow': 'reject-publish' },
    },
    key: pattern,
  },
});

/** Resolves when `stop` aborts and each request that was begun has its answer. */
export const serve = async (
  { link, replies }: { readonly link: AmqpLink; readonly replies: Replies },
  pattern: string,
  group: string,
  answer: Answer,
  stop: AbortSignal,
): Promise<void> => {
  checkPattern(pattern);
  checkName(group);
  if (stop.aborted) return;
  const running = new Set<Promise<void>>();
  const take = ({ fields, properties, content }: ConsumeMessage): void => {
    const topic = fields.routingKey;
    if (running.size >= ANSWERS_MAX) {
      link.log.warn({ topic }, 'A request is left unanswered: too many run.');
      return;
    }
    const { id, headers } = fromProperties(properties);
    const to: unknown = properties.replyTo;
    const run = async (): Promise<void> => {
      const body = await answer({ topic, body: content, id, headers });
      if (typeof to !== 'string' || !replies.allows(to)) throw new TypeError('no reply address');
      const correlationId: unknown = properties.correlationId;
      replies.send({
        to,
        correlationId: typeof correlationId === 'string' ? correlationId : undefined,
        body,
      });
    };
    const task = run()
      .catch((thrown: unknown) => {
        link.log.error({ topic, err: thrown }, 'A request stays unanswered.');
      })
      .finally(() => running.delete(task));
    running.add(task);
  };
  const serving = openListening(link, placeOf(pattern, group), `serving ${pattern}`, take);
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  stop.addEventListener('abort', () => resolve(), { once: true });
  await stopped;
  // Requests that the server sent before it knew are still answered.
  await serving.end();
  await Promise.all(running);
};
