import type { MessageProperties, Options } from 'amqplib';
import { type Headers, REPLY_HEADERS } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';

const SHORT_MAX_BYTES = 255;
const HEADER_NAME = /^[A-Za-z0-9-]{1,64}$/;
/** What RabbitMQ itself puts among the headers of a delivery. */
const OF_THE_VENDOR = /^x-(?:delivery-count|death|first-death-|last-death-|opt-)/i;

/**
 * What is appended as the properties of AMQP; the addresses of replies have their own.
 * @throws BrokerError `broker.too_large` where one of those does not fit.
 */
export const toProperties = (id: string, headers: Headers = {}): Options.Publish => {
  const { [REPLY_HEADERS.to]: to, [REPLY_HEADERS.correlationId]: correlation, ...rest } = headers;
  return {
    messageId: id,
    persistent: true,
    headers: rest,
    ...(to === undefined ? {} : { replyTo: short(to) }),
    ...(correlation === undefined ? {} : { correlationId: short(correlation) }),
  };
};

const short = (text: string): string => {
  if (Buffer.byteLength(text) <= SHORT_MAX_BYTES) return text;
  throw new BrokerError(
    'broker.too_large',
    `RabbitMQ takes reply addresses and correlations of at most ${SHORT_MAX_BYTES} bytes.`,
  );
};

/**
 * What a message carries, without what RabbitMQ put there. Others than this port may have sent it:
 * headers that are no text count as none.
 */
export const fromProperties = (
  properties: MessageProperties,
): { id: string | undefined; headers: Headers } => {
  const found: Record<string, string> = Object.create(null);
  const put = (name: string, value: unknown): void => {
    if (typeof value === 'string' && HEADER_NAME.test(name)) found[name] = value;
  };
  for (const [name, value] of Object.entries(properties.headers ?? {})) {
    if (!OF_THE_VENDOR.test(name)) put(name, value);
  }
  put(REPLY_HEADERS.to, properties.replyTo);
  put(REPLY_HEADERS.correlationId, properties.correlationId);
  const { messageId } = properties;
  const id = typeof messageId === 'string' && messageId !== '' ? messageId : undefined;
  return { id, headers: { ...found } };
};

/** The bytes as the vendor's library wants them, not copied. */
export const toBuffer = (body: Uint8Array): Buffer =>
  Buffer.from(body.buffer, body.byteOffset, body.byteLength);
