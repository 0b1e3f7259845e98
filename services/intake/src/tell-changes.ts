import type { Broker } from '@switchyard/broker';
import {
  type Changed,
  type EndpointId,
  type JobId,
  type Reconfigured,
  type Stop,
  topics,
} from '@switchyard/contracts';
import type { CancelledJob } from '@switchyard/store';

/** What intake tells the other services, all of it hints: a periodic look stands behind each. */
export interface Changes {
  /** Jobs of this endpoint were queued: once a batch. */
  queued(endpointId: EndpointId): void;
  /** Jobs were queued again. */
  retried(endpointId: EndpointId, jobIds: readonly JobId[]): void;
  /** Jobs ended as CANCELLED; those that ran have to be stopped. */
  cancelled(endpointId: EndpointId, jobs: readonly CancelledJob[]): void;
  /** The settings of an endpoint, or a key, changed. */
  reconfigured(what: Reconfigured): void;
}

const EMPTY = new Uint8Array();
/** Ids in one hint, so that it stays well below what a broker carries. */
const IDS_MAX = 2_000;

export const createChanges = (broker: Broker): Changes => {
  const hintJson = (topic: string, body: object): void =>
    broker.hint(topic, Buffer.from(JSON.stringify(body)));

  const changed = (endpoint: EndpointId, jobs: readonly JobId[]): void => {
    for (let at = 0; at < jobs.length; at += IDS_MAX) {
      const body: Changed = { endpoint, jobs: jobs.slice(at, at + IDS_MAX) };
      hintJson(topics.changed, body);
    }
  };

  const queued = (endpointId: EndpointId): void => {
    broker.hint(topics.nudge(endpointId), EMPTY);
    broker.hint(topics.appended, EMPTY);
  };

  return {
    queued,
    retried: (endpointId, jobIds) => {
      queued(endpointId);
      changed(endpointId, jobIds);
    },
    cancelled: (endpoint, jobs) => {
      if (jobs.length === 0) return;
      const stops: Stop['stops'] = jobs.flatMap(({ jobId, running }) =>
        running === undefined
          ? []
          : [
              {
                worker: running.workerId,
                job: jobId,
                claimNo: running.claimNo,
                reason: 'cancelled' as const,
              },
            ],
      );
      if (stops.length > 0) hintJson(topics.stop, { endpoint, stops } satisfies Stop);
      const ids = jobs.map(({ jobId }) => jobId);
      changed(endpoint, ids);
      broker.hint(topics.appended, EMPTY);
      broker.hint(topics.due, EMPTY);
    },
    reconfigured: (what) => hintJson(topics.reconfigured, what),
  };
};
