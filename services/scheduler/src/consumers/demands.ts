import type { Broker } from '@switchyard/broker';
import type { InstanceId } from '@switchyard/contracts';
import { DemandSchema, topics, validator } from '@switchyard/contracts';
import type { Log } from '@switchyard/runtime';
import type { Claimer } from '../claim-for-demand.ts';
import { parseJson } from '../parse-json.ts';
import type { DemandBook } from '../track-demand.ts';

const check = validator(DemandSchema);

/** Hears what supervisors have room for, and claims for it. */
export const listenForDemand = (
  {
    broker,
    demand,
    claimer,
    log,
  }: {
    broker: Broker;
    demand: DemandBook;
    claimer: Claimer;
    log: Log;
  },
  instance: InstanceId,
  stop: AbortSignal,
): Promise<void> =>
  broker.listen(
    topics.demand(instance),
    (message) => {
      const heard = check(parseJson(message.body));
      if (!heard.ok) {
        log.warn({ detail: heard.detail }, 'a demand that is none was dropped');
        return;
      }
      for (const endpointId of demand.hear(heard.value)) claimer.seated(endpointId);
    },
    stop,
  );
