import type { JetStreamClient } from 'nats';
import type { Message } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { APPENDS_MAX_BYTES, checkMessage, MESSAGE_OVERHEAD_BYTES } from '../limits.ts';
import { streamOf } from '../topics.ts';
import { isUnanswered, toBrokerError } from './failure.ts';
import { toNatsHeaders } from './headers.ts';
import type { NatsLink } from './link.ts';
import type { NatsStreams } from './streams.ts';

const ACK_WITHIN_MS = 5_000;

/** @returns the port's `append`: a JetStream publish that waits for the server's word. */
export const makeAppend = (
  link: NatsLink,
  streams: NatsStreams,
): ((message: Message) => Promise<void>) => {
  const jetstream = link.nats.jetstream({ timeout: ACK_WITHIN_MS });
  let unconfirmedBytes = 0;

  return async (message) => {
    checkMessage(message, link.maxBodyBytes());
    streamOf(streams.specs, message.topic);
    link.checkConnected();
    const bytes = message.body.length + MESSAGE_OVERHEAD_BYTES;
    if (unconfirmedBytes > 0 && unconfirmedBytes + bytes > APPENDS_MAX_BYTES) {
      throw new BrokerError('broker.unavailable', 'Too much waits for the word of NATS.');
    }
    unconfirmedBytes += bytes;
    try {
      await link.orLost(publish(jetstream, streams, message));
    } catch (error) {
      throw toBrokerError(error, `appending to ${message.topic}`);
    } finally {
      unconfirmedBytes -= bytes;
    }
  };
};

const publish = async (
  jetstream: JetStreamClient,
  streams: NatsStreams,
  message: Message,
): Promise<void> => {
  const send = () => {
    const headers = toNatsHeaders(message.headers);
    return jetstream.publish(message.topic, message.body, {
      msgID: message.id,
      ...(headers === undefined ? {} : { headers }),
    });
  };
  try {
    await send();
  } catch (error) {
    if (!isUnanswered(error)) throw error;
    // Nobody took it: somebody deleted the stream under a running server.
    await streams.restore();
    await send();
  }
};
