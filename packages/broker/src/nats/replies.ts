import { REPLY_HEADERS } from '../broker.ts';
import { checkBody } from '../limits.ts';
import type { Replies } from '../settle-delivery.ts';
import { isForeignTopic } from '../topics.ts';
import { toNatsHeaders } from './headers.ts';
import type { NatsLink } from './link.ts';

/** Core NATS publishes to the topics that senders named. */
export const makeReplies = (link: NatsLink): Replies => ({
  allows: isForeignTopic,
  send: ({ to, correlationId, body }) => {
    checkBody(body, link.maxBodyBytes());
    link.checkConnected();
    const given = correlationId && { [REPLY_HEADERS.correlationId]: correlationId };
    link.nats.publish(to, body, given ? { headers: toNatsHeaders(given) } : {});
  },
});
