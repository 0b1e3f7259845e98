import type { Broker } from '@switchyard/broker';
import { BeatSchema, type InstanceId, topics, validator } from '@switchyard/contracts';
import { parseJson } from '../parse-json.ts';
import type { DemandSender } from '../send-demand.ts';

const check = validator(BeatSchema);

/** Hears which schedulers live. */
export const listenForBeats = (
  broker: Broker,
  demand: DemandSender,
  stop: AbortSignal,
): Promise<void> =>
  broker.listen(
    topics.schedulerBeat,
    ({ body }) => {
      const beat = check(parseJson(body));
      if (beat.ok) demand.hearBeat(beat.value.instance as InstanceId);
    },
    stop,
  );
