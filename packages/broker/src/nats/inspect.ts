import type { BrokerReport, StreamReport, StreamSpec } from '../broker.ts';
import type { InspectOptions } from '../open-broker-options.ts';
import { toBrokerError } from './failure.ts';
import { openLink } from './link.ts';
import { faultOf, findStream } from './streams.ts';

/** As `inspectBroker` says. @throws BrokerError. */
export const inspectNats = async (
  url: string,
  specs: readonly StreamSpec[],
  options: InspectOptions,
): Promise<BrokerReport> => {
  const link = await openLink(url, options);
  try {
    const manager = await link.nats.jetstreamManager({ checkAPI: false });
    const streams: StreamReport[] = [];
    for (const spec of specs) {
      const { name } = spec;
      const found = await findStream(manager, name);
      const fault = found && faultOf(spec, found);
      if (found === undefined) streams.push({ name, state: 'missing', detail: '' });
      else streams.push({ name, state: fault ? 'wrong' : 'fine', detail: fault ?? '' });
    }
    return { server: `NATS ${link.nats.info?.version ?? ''}`.trimEnd(), streams };
  } catch (error) {
    throw toBrokerError(error, 'looking at its streams (is JetStream on?)');
  } finally {
    await link.close();
  }
};
