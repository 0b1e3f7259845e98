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
  /** So many jobs of this endpoint were queued: once a batch. */
  queued(endpointId: EndpointId, jobs: number): void;
  /** What was on its way to the queue of this endpoint has come there, or was refused. */
  settled(endpointId: EndpointId): void;
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
/**
 * A batch of so many is one of a stream of them: what is queued within the next TELL_EVERY_MS, or
 * until the stream has ended, is told of together, since who hears of it takes many jobs at a time.
 */
const STREAM_MIN_JOBS = 16;
const TELL_EVERY_MS = 20;

export const createChanges = (broker: Pick<Broker, 'hint'>): Changes => {
  const hintJson = (topic: string, body: object): void =>
    broker.hint(topic, Buffer.from(JSON.stringify(body)));

  const changed = (endpoint: EndpointId, jobs: readonly JobId[]): void => {
    for (let at = 0; at < jobs.length; at += IDS_MAX) {
      const body: Changed = { endpoint, jobs: jobs.slice(at, at + IDS_MAX) };
      hintJson(topics.changed, body);
    }
  };

  const { queued, settled } = tellRarely((endpointId) => {
    broker.hint(topics.nudge(endpointId), EMPTY);
    broker.hint(topics.appended, EMPTY);
  });

  return {
    queued,
    settled,
    retried: (endpointId, jobIds) => {
      queued(endpointId, jobIds.length);
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

/**
 * Tells of few jobs at once, and of streams of them each TELL_EVERY_MS, the first and the last of a
 * stream at once.
 */
const tellRarely = (
  tell: (endpointId: EndpointId) => void,
): Pick<Changes, 'queued' | 'settled'> => {
  const resting = new Map<EndpointId, { hasMore: boolean }>();
  const tellAndRest = (endpointId: EndpointId): void => {
    tell(endpointId);
    const rest = { hasMore: false };
    resting.set(endpointId, rest);
    setTimeout(() => {
      resting.delete(endpointId);
      if (rest.hasMore) tellAndRest(endpointId);
    }, TELL_EVERY_MS);
  };
  return {
    queued: (endpointId, jobs) => {
      if (jobs < STREAM_MIN_JOBS) {
        tell(endpointId);
        return;
      }
      const rest = resting.get(endpointId);
      if (rest === undefined) tellAndRest(endpointId);
      else rest.hasMore = true;
    },
    settled: (endpointId) => {
      const rest = resting.get(endpointId);
      if (rest?.hasMore !== true) return;
      rest.hasMore = false;
      tell(endpointId);
    },
  };
};
