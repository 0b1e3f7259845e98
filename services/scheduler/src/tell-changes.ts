import type { Broker } from '@switchyard/broker';
import {
  type EndpointId,
  type JobId,
  type StopReason,
  topics,
  type WorkerId,
} from '@switchyard/contracts';

const CHANGED_MAX_JOBS = 5_000;
const NOTHING = new Uint8Array();

/** Says that jobs reached a terminal state or went back to the queue. All of it may be lost. */
export const tellChanged = (
  broker: Pick<Broker, 'hint'>,
  endpointId: EndpointId,
  jobs: readonly JobId[],
): void => {
  for (let at = 0; at < jobs.length; at += CHANGED_MAX_JOBS) {
    const body = { endpoint: endpointId, jobs: jobs.slice(at, at + CHANGED_MAX_JOBS) };
    broker.hint(topics.changed, Buffer.from(JSON.stringify(body)));
  }
  broker.hint(topics.appended, NOTHING);
  broker.hint(topics.due, NOTHING);
};

/** Says that workers are to end jobs which are not theirs any more. */
export const tellStops = (
  broker: Pick<Broker, 'hint'>,
  endpointId: EndpointId,
  reason: StopReason,
  jobs: readonly { jobId: JobId; workerId: WorkerId; claimNo: number }[],
): void => {
  if (jobs.length === 0) return;
  const stops = jobs.map(({ jobId, workerId, claimNo }) => ({
    worker: workerId,
    job: jobId,
    claimNo,
    reason,
  }));
  broker.hint(topics.stop, Buffer.from(JSON.stringify({ endpoint: endpointId, stops })));
};
