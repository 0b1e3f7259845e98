import type { Message } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { APPENDS_MAX_BYTES, checkMessage, MESSAGE_OVERHEAD_BYTES } from '../limits.ts';
import { streamFinder } from '../topics.ts';
import { refusal } from './failure.ts';
import type { NatsLink } from './link.ts';
import { type Publications, Unheard } from './publications.ts';
import type { NatsStreams } from './streams.ts';

/** @returns the port's `append`: a JetStream publish that waits for the server's word. */
export const makeAppend = (
  link: NatsLink,
  streams: NatsStreams,
  publications: Publications,
): ((message: Message) => Promise<void>) => {
  const streamOf = streamFinder(streams.specs);
  let unconfirmedBytes = 0;

  return async (message) => {
    checkMessage(message, link.maxBodyBytes());
    streamOf(message.topic);
    link.checkConnected();
    const bytes = message.body.length + MESSAGE_OVERHEAD_BYTES;
    if (unconfirmedBytes > 0 && unconfirmedBytes + bytes > APPENDS_MAX_BYTES) {
      throw new BrokerError('broker.unavailable', 'Too much waits for the word of NATS.');
    }
    unconfirmedBytes += bytes;
    try {
      await publications.send(message);
    } catch (error) {
      if (!(error instanceof Unheard)) throw error;
      await sendAgain(publications, streams, message);
    } finally {
      unconfirmedBytes -= bytes;
    }
  };
};

/** Somebody deleted the stream under a running server. */
const sendAgain = async (
  publications: Publications,
  streams: NatsStreams,
  message: Message,
): Promise<void> => {
  await streams.restore();
  try {
    await publications.send(message);
  } catch (error) {
    if (!(error instanceof Unheard)) throw error;
    const text = `NATS has no stream that takes ${message.topic} for now.`;
    throw refusal('broker.unavailable', text, error);
  }
};
