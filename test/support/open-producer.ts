import type { Producer } from './producer.ts';
import { openNatsProducer } from './producers/nats.ts';
import { openRabbitmqProducer } from './producers/rabbitmq.ts';

/** Connects to the broker at `url`. */
export const openProducer = (url: string): Promise<Producer> =>
  url.startsWith('amqp') ? openRabbitmqProducer(url) : openNatsProducer(url);
