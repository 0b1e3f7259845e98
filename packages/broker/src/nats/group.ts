import { AckPolicy, type ConsumerConfig, DeliverPolicy, nanos } from 'nats';
import type { StreamSpec } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { isMissing } from './failure.ts';
import type { NatsStreams } from './streams.ts';

/** What all members of a group may have in hand together; each member's bound is its prefetch. */
const GROUP_IN_HAND_MAX = 16_384;

export type GroupSpec = {
  readonly stream: StreamSpec;
  readonly group: string;
  readonly pattern: string;
  readonly ackWaitMs: number;
};

/**
 * Makes the durable pull consumer of a group, or finds it; looks before it makes, so that a user
 * without the right to make one can use what the operator made.
 * @returns when it was made: a settlement must never reach another one of the same name, where
 * its numbers mean other messages. @throws BrokerError `broker.conflict`, or the vendor's error.
 */
export const restoreGroup = async (streams: NatsStreams, spec: GroupSpec): Promise<string> => {
  const { consumers } = streams.manager;
  const wanted = {
    durable_name: spec.group,
    filter_subject: spec.pattern,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(spec.ackWaitMs),
    max_ack_pending: GROUP_IN_HAND_MAX,
    max_deliver: -1,
  };
  try {
    const found = await consumers.info(spec.stream.name, spec.group);
    checkSame(spec, found.config);
    if (found.config.ack_wait === wanted.ack_wait) return found.created;
    return (await consumers.add(spec.stream.name, { ...found.config, ...wanted })).created;
  } catch (error) {
    if (!isMissing(error)) throw error;
    await streams.restore();
    return (await consumers.add(spec.stream.name, wanted)).created;
  }
};

const checkSame = (spec: GroupSpec, found: ConsumerConfig): void => {
  const whole = spec.stream.topics.length === 1 ? spec.stream.topics[0] : '>';
  const pattern = found.filter_subject || whole;
  if (
    pattern === spec.pattern &&
    found.deliver_subject === undefined &&
    found.ack_policy === AckPolicy.Explicit
  ) {
    return;
  }
  throw new BrokerError(
    'broker.conflict',
    `The group ${spec.group} of the stream ${spec.stream.name} consumes ${pattern} already, ` +
      `or in another way; ${spec.pattern} needs a group of its own.`,
  );
};
