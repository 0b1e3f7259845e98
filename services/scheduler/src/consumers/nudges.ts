import type { Broker } from '@switchyard/broker';
import { parseEndpointId, topics } from '@switchyard/contracts';
import type { Claimer } from '../claim-for-demand.ts';

/** Hears which queues grew. The endpoint is the last word of the topic. */
export const listenForNudges = (
  broker: Broker,
  claimer: Claimer,
  stop: AbortSignal,
): Promise<void> =>
  broker.listen(
    topics.anyNudge,
    (message) => {
      const endpointId = parseEndpointId(message.topic.slice(message.topic.lastIndexOf('.') + 1));
      if (endpointId !== undefined) claimer.nudged(endpointId);
    },
    stop,
  );
