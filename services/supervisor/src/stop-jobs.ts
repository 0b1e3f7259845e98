import type { EndpointId, JobId, StopReason, WorkerId } from '@switchyard/contracts';
import type { LostClaim } from '@switchyard/store';
import { type Presence, STOP_KEPT_MS, type WorkerBook } from './track-workers.ts';

export type JobStop = {
  readonly workerId: WorkerId;
  readonly jobId: JobId;
  readonly claimNo: number;
  readonly reason: StopReason;
};

export interface Stopper {
  /**
   * Has workers end jobs that are not theirs any more, and remembers it for a minute. A stop is for
   * its claim and those before it; where `claimNo` is 0, for whatever claim there is.
   */
  stop(endpointId: EndpointId, stops: readonly JobStop[]): void;
  /** Has claims that go back to the queue count as stopped too: an assign of them may come yet. */
  noteReturned(claims: readonly LostClaim[]): void;
  /** Whether a claim was stopped within the last minute. */
  isStopped(jobId: JobId, claimNo: number): boolean;
  forgetOld(): void;
  /** Ends supervised workers that hold on to a job well after its stop; each second. */
  endDisobedient(): void;
}

/** How long a worker may take to show that it obeyed, in ms: RunPod's pings each 10 s. */
const OBEYED_MS = 20_000;
/** After a longer pause between two looks, in ms, workers may not have been heard meanwhile. */
const LOOK_LATE_MS = 3_000;

/** @param overrun ends the process of a worker, where it is a supervised one. */
export const createStopper = (
  workers: WorkerBook,
  overrun: (workerId: WorkerId) => void,
): Stopper => {
  const stopped = new Map<string, number>();
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let hearingSinceMs = 0;
  return {
    stop: (endpointId, stops) => {
      const atMs = performance.now();
      for (const stop of stops) {
        stopped.set(`${stop.jobId}/${stop.claimNo}`, atMs);
        const worker = workers.find(endpointId, stop.workerId);
        if (worker === undefined || !noteStop(worker, stop, atMs)) continue;
        worker.wakeStopPoll?.();
        worker.wakeExchange?.();
        if (stop.reason === 'overrun') overrun(stop.workerId);
      }
    },
    noteReturned: (claims) => {
      const atMs = performance.now();
      for (const { jobId, claimNo } of claims) stopped.set(`${jobId}/${claimNo}`, atMs);
    },
    isStopped: (jobId, claimNo) => stopped.has(`${jobId}/${claimNo}`),
    forgetOld: () => {
      const before = performance.now() - STOP_KEPT_MS;
      for (const [key, atMs] of stopped) if (atMs < before) stopped.delete(key);
      for (const worker of workers.all()) forgetStops(worker, before);
    },
    endDisobedient: () => {
      const nowMs = performance.now();
      if (nowMs - lookedAtMs > LOOK_LATE_MS) hearingSinceMs = nowMs;
      lookedAtMs = nowMs;
      for (const worker of workers.all()) {
        // While its posts are held it cannot tell that it obeyed.
        if (worker.posting.size > 0) continue;
        const since = [...worker.stops.values()].map(({ atMs }) => Math.max(atMs, hearingSinceMs));
        if (since.some((atMs) => nowMs - atMs > OBEYED_MS)) overrun(worker.workerId);
      }
    },
  };
};

/** @returns false where the worker has a newer claim of the job. */
const noteStop = (worker: Presence, stop: JobStop, atMs: number): boolean => {
  const { jobId, claimNo, reason } = stop;
  const lastNo = claimNo === 0 ? Number.POSITIVE_INFINITY : claimNo;
  const mailed = worker.mailbox.filter(({ job }) => job.jobId === jobId);
  for (const mail of mailed) {
    if (mail.job.claimNo <= lastNo) worker.mailbox.splice(worker.mailbox.indexOf(mail), 1);
  }
  const claims = [worker.holds.get(jobId), ...mailed.map(({ job }) => job)];
  // RunPod's worker knows jobs, not claims: told of an older one it would end this one.
  if (claims.some((claim) => claim !== undefined && claim.claimNo > lastNo)) return false;
  worker.holds.delete(jobId);
  const known = worker.stops.get(jobId) ?? { atMs, toldAtMs: Number.NEGATIVE_INFINITY };
  worker.stops.set(jobId, { ...known, claimNo, reason });
  return true;
};

/** A stop that is still listed is kept: the worker has not heard it, or does not obey. */
const forgetStops = (worker: Presence, before: number): void => {
  const listed = new Set(worker.inventory);
  for (const [jobId, stop] of worker.stops) {
    if (stop.atMs < before && !listed.has(jobId)) worker.stops.delete(jobId);
  }
};
