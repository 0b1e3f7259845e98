import type { Message } from './broker.ts';
import { BrokerError } from './broker-error.ts';
import { checkTopic } from './topics.ts';

/** Deliveries in the hands of one consume at a time, unless it says otherwise. */
const PREFETCH_DEFAULT = 64;
const PREFETCH_MAX = 1_024;
/** Requests that one serve answers at a time. */
export const ANSWERS_MAX = 1_024;
/** Appended bodies that wait for the broker's word, in bytes. */
export const APPENDS_MAX_BYTES = 64 * 1_048_576;
/** What one message costs in memory besides its body, roughly, so that empty ones count too. */
export const MESSAGE_OVERHEAD_BYTES = 512;

const HEADERS_MAX_BYTES = 2_048;
const ID = /^[!-~]{1,128}$/;
const HEADER_NAME = /^(?!nats-)[A-Za-z0-9-]{1,64}$/i;
/** What a header may hold: neither control characters nor spaces around it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
const HEADER_VALUE = /^(?!\s)[^\u0000-\u001f\u007f]*(?<!\s)$/;

const headersBytes = (headers: Readonly<Record<string, string>>): number =>
  Object.entries(headers).reduce(
    (sum, [name, value]) => sum + name.length + Buffer.byteLength(value) + 4,
    0,
  );

/** @throws BrokerError `broker.invalid` or `broker.too_large` where it cannot be appended. */
export const checkMessage = (message: Message, maxBodyBytes: number): void => {
  checkTopic(message.topic);
  checkId(message.id);
  checkBody(message.body, maxBodyBytes);
  if (message.headers === undefined) return;
  for (const [name, value] of Object.entries(message.headers)) {
    if (HEADER_NAME.test(name) && HEADER_VALUE.test(value)) continue;
    throw new BrokerError('broker.invalid', `The header ${JSON.stringify(name)} cannot be sent.`);
  }
  if (headersBytes(message.headers) <= HEADERS_MAX_BYTES) return;
  throw new BrokerError(
    'broker.too_large',
    `The headers of a message take at most ${HEADERS_MAX_BYTES} bytes.`,
  );
};

/** @throws BrokerError `broker.invalid` where `id` can be none of a message. */
export const checkId = (id: string): void => {
  if (ID.test(id)) return;
  throw new BrokerError(
    'broker.invalid',
    'The id of a message must be 1 to 128 printable ASCII characters without spaces.',
  );
};

/** @throws BrokerError `broker.too_large`. */
export const checkBody = (body: Uint8Array, maxBodyBytes: number): void => {
  if (body.length > maxBodyBytes) throw tooLarge(body.length, maxBodyBytes);
};

const tooLarge = (bodyBytes: number, maxBodyBytes: number): BrokerError =>
  new BrokerError(
    'broker.too_large',
    `A body of ${bodyBytes} bytes is over the broker's limit of ${maxBodyBytes}.`,
  );

/** The messages before the first whose body is over the limit, and the refusal of that one. */
export const untilTooLarge = <M extends Message>(
  messages: readonly M[],
  maxBodyBytes: number,
): { fitting: readonly M[]; refusal: BrokerError | undefined } => {
  for (const [at, { body }] of messages.entries()) {
    if (body.length <= maxBodyBytes) continue;
    return { fitting: messages.slice(0, at), refusal: tooLarge(body.length, maxBodyBytes) };
  }
  return { fitting: messages, refusal: undefined };
};

/** @returns `prefetch` or its default. @throws BrokerError `broker.invalid`. */
export const checkPrefetch = (prefetch = PREFETCH_DEFAULT): number => {
  if (Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= PREFETCH_MAX) return prefetch;
  throw new BrokerError('broker.invalid', `A prefetch lies between 1 and ${PREFETCH_MAX}.`);
};
