import type { Broker } from '@switchyard/broker';
import {
  type EndpointId,
  encodeFrame,
  type JobId,
  PROGRESS_MAX_BYTES,
  topics,
  type WorkerId,
} from '@switchyard/contracts';
import type { Log, Metrics } from '@switchyard/runtime';

export type Progress = {
  readonly endpointId: EndpointId;
  readonly workerId: WorkerId;
  readonly jobId: JobId;
  /** RunPod's workers name none. */
  readonly claimNo: number | null;
  /** Raw JSON. */
  readonly output: Buffer;
};

/** Passes progress on. @returns false where it is too large: what was told before stays. */
export type ProgressTeller = (progress: Progress) => boolean;

/** A handler that tells too much does so again and again. */
const LOG_EVERY_MS = 60_000;

export const createProgressTeller = ({
  broker,
  log,
  metrics,
}: {
  readonly broker: Pick<Broker, 'hint'>;
  readonly log: Log;
  readonly metrics: Metrics;
}): ProgressTeller => {
  const tooLarge = metrics.counter(
    'switchyard_progress_too_large_total',
    'Progress of workers that was dropped because of its size.',
  );
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  return ({ endpointId, workerId, jobId, claimNo, output }) => {
    if (output.length <= PROGRESS_MAX_BYTES) {
      const header = { endpoint: endpointId, job: jobId, claimNo, worker: workerId };
      broker.hint(topics.progress, encodeFrame(header, [output]));
      return true;
    }
    tooLarge.add(1);
    if (performance.now() - loggedAtMs >= LOG_EVERY_MS) {
      loggedAtMs = performance.now();
      const fields = { endpoint: endpointId, job: jobId, worker: workerId, bytes: output.length };
      log.warn(fields, `Progress was dropped: it must be <= ${PROGRESS_MAX_BYTES} bytes`);
    }
    return false;
  };
};
