import type { EndpointId, JobId, StopReason, WorkerId } from '@switchyard/contracts';
import { type Presence, STOP_KEPT_MS, type WorkerBook } from './track-workers.ts';

export type JobStop = {
  readonly workerId: WorkerId;
  readonly jobId: JobId;
  readonly claimNo: number;
  readonly reason: StopReason;
};

export interface Stopper {
  /** Has workers end jobs that are not theirs any more, and remembers it for a minute. */
  stop(endpointId: EndpointId, stops: readonly JobStop[]): void;
  /** Whether a claim was stopped within the last minute. */
  isStopped(jobId: JobId, claimNo: number): boolean;
  forgetOld(): void;
}

/** @param overrun ends the process of a supervised worker whose job ran out of time. */
export const createStopper = (
  workers: WorkerBook,
  overrun: (workerId: WorkerId) => void,
): Stopper => {
  const stopped = new Map<string, number>();
  return {
    stop: (endpointId, stops) => {
      const atMs = performance.now();
      for (const { workerId, jobId, claimNo, reason } of stops) {
        stopped.set(`${jobId}/${claimNo}`, atMs);
        const worker = workers.find(endpointId, workerId);
        if (worker === undefined) continue;
        worker.holds.delete(jobId);
        const mailed = worker.mailbox.findIndex(({ job }) => job.jobId === jobId);
        if (mailed >= 0) worker.mailbox.splice(mailed, 1);
        const toldAtMs = worker.stops.get(jobId)?.toldAtMs ?? Number.NEGATIVE_INFINITY;
        worker.stops.set(jobId, { claimNo, reason, atMs, toldAtMs });
        worker.wakeStopPoll?.();
        worker.wakeExchange?.();
        if (reason === 'overrun') overrun(workerId);
      }
    },
    isStopped: (jobId, claimNo) => stopped.has(`${jobId}/${claimNo}`),
    forgetOld: () => {
      const before = performance.now() - STOP_KEPT_MS;
      for (const [key, atMs] of stopped) if (atMs < before) stopped.delete(key);
      for (const worker of workers.all()) forgetStops(worker, before);
    },
  };
};

/** A stop that is still listed is kept: the worker has not heard it, or does not obey. */
const forgetStops = (worker: Presence, before: number): void => {
  const listed = new Set(worker.inventory);
  for (const [jobId, stop] of worker.stops) {
    if (stop.atMs < before && !listed.has(jobId)) worker.stops.delete(jobId);
  }
};
