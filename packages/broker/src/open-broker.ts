import { openAmqpBroker } from './amqp/open-amqp-broker.ts';
import type { Broker } from './broker.ts';
import { BrokerError } from './broker-error.ts';
import { openMemoryBroker } from './memory/open-memory-broker.ts';
import { openNatsBroker } from './nats/open-nats-broker.ts';
import type { OpenBrokerOptions } from './open-broker-options.ts';

/**
 * Opens the broker at `url`: `nats://`, or `tls://` for NATS with TLS, with user and password or a
 * token where one is needed; `amqp://` or `amqps://` for RabbitMQ, with user, password and virtual
 * host. Several servers of a cluster are separated by commas. Without `url` the one in memory, for
 * one process. Credentials stand in no error and no log line.
 * @throws BrokerError `broker.unavailable` when no server answers within `connectTimeoutMs`,
 * `broker.forbidden`, `broker.conflict` when a stream exists otherwise than `streams` says,
 * `broker.invalid`, `broker.unsupported`.
 */
export const openBroker = async (
  url: string | undefined,
  options: OpenBrokerOptions,
): Promise<Broker> => {
  if (url === undefined) return openMemoryBroker(options);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'nats':
    case 'tls':
    case 'nats+tls':
      return await openNatsBroker(url, options);
    case 'amqp':
    case 'amqps':
      return await openAmqpBroker(url, options);
    default:
      throw new BrokerError(
        'broker.unsupported',
        'The broker URL must begin with nats://, tls://, amqp:// or amqps://.',
      );
  }
};
