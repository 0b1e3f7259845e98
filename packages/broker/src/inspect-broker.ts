import { inspectAmqp } from './amqp/inspect.ts';
import type { BrokerReport, StreamSpec } from './broker.ts';
import { BrokerError } from './broker-error.ts';
import { inspectNats } from './nats/inspect.ts';
import type { InspectOptions } from './open-broker-options.ts';

/**
 * Looks how the streams of `specs` stand at the broker of `url`, on a connection of its own, and
 * changes nothing: for whoever looks after a system.
 * @throws BrokerError `broker.unavailable` when no server answers within `connectTimeoutMs`,
 * `broker.forbidden` when it refuses the credentials or the look, `broker.invalid`,
 * `broker.unsupported`.
 */
export const inspectBroker = async (
  url: string,
  specs: readonly StreamSpec[],
  options: InspectOptions,
): Promise<BrokerReport> => {
  switch (/^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase()) {
    case 'nats':
    case 'tls':
    case 'nats+tls':
      return await inspectNats(url, specs, options);
    case 'amqp':
    case 'amqps':
      return await inspectAmqp(url, specs, options);
    default:
      throw new BrokerError('broker.unsupported', 'This kind of broker cannot be looked at.');
  }
};
