import type { Broker } from '@switchyard/broker';
import {
  parseEndpointId,
  parseJobId,
  parseWorkerId,
  StopSchema,
  topics,
  validator,
} from '@switchyard/contracts';
import type { Log } from '@switchyard/runtime';
import { parseJson } from '../parse-json.ts';
import type { Stopper } from '../stop-jobs.ts';

const check = validator(StopSchema);

/** Hears which running jobs were cancelled, timed out or taken back. */
export const listenForStops = (
  { broker, log, stopper }: { broker: Broker; log: Log; stopper: Stopper },
  stop: AbortSignal,
): Promise<void> =>
  broker.listen(
    topics.stop,
    (message) => {
      const heard = check(parseJson(message.body));
      const endpointId = heard.ok ? parseEndpointId(heard.value.endpoint) : undefined;
      if (!heard.ok || endpointId === undefined) {
        log.warn('a stop that is none was dropped');
        return;
      }
      const stops = heard.value.stops.flatMap(({ worker, job, claimNo, reason }) => {
        const workerId = parseWorkerId(worker);
        const jobId = parseJobId(job);
        return workerId && jobId ? [{ workerId, jobId, claimNo, reason }] : [];
      });
      stopper.stop(endpointId, stops);
    },
    stop,
  );
