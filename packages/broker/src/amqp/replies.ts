import { BrokerError } from '../broker-error.ts';
import { checkBody } from '../limits.ts';
import type { Replies } from '../settle-delivery.ts';
import { isForeignTopic } from '../topics.ts';
import { type AmqpLink, MAX_BODY_BYTES } from './link.ts';
import { toBuffer } from './properties.ts';

/** Names that the server itself gave: to whoever waits for replies, or to a queue without one. */
const OF_THE_SERVER = /^amq\.(?:rabbitmq\.reply-to|gen)[-.][!-~]{1,200}$/;

/** Publications to the default exchange, which leads to the queue that a sender named. */
export const makeReplies = (link: AmqpLink): Replies => {
  const lane = link.openLane({
    connection: link.publishing,
    doing: 'replying',
    declare: async () => undefined,
  });
  return {
    allows: (address) => OF_THE_SERVER.test(address) || isForeignTopic(address),
    send: ({ to, correlationId, body }) => {
      checkBody(body, MAX_BODY_BYTES);
      link.checkPublishing();
      const options = correlationId === undefined ? {} : { correlationId };
      if (lane.channel === undefined) throw new BrokerError('broker.unavailable', 'No channel.');
      lane.channel.publish('', to, toBuffer(body), { persistent: false, ...options });
    },
  };
};
