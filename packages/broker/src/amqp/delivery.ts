import { randomUUID } from 'node:crypto';
import type { ConsumeMessage } from 'amqplib';
import type { Message } from '../broker.ts';
import { topicOf } from './places.ts';
import { fromProperties } from './properties.ts';

/** Which delivery of it this is: quorum queues count those before in a header. */
const attemptOf = ({ fields, properties }: ConsumeMessage): number => {
  const before: unknown = properties.headers?.['x-delivery-count'];
  if (typeof before === 'number' && Number.isInteger(before) && before >= 0) return before + 1;
  return fields.redelivered ? 2 : 1;
};

/** Reads what the server handed to us of the stream whose exchange is `exchange`. */
export const readDelivery = (
  delivery: ConsumeMessage,
  exchange: string,
): { message: Message; attempt: number } => {
  const { id = randomUUID(), headers } = fromProperties(delivery.properties);
  const topic = topicOf(exchange, delivery.fields.routingKey);
  return { message: { id, topic, body: delivery.content, headers }, attempt: attemptOf(delivery) };
};
