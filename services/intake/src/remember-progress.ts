import {
  decodeFrame,
  type EndpointId,
  PROGRESS_MAX_BYTES,
  ProgressSchema,
  validator,
} from '@switchyard/contracts';
import type { JobStatus } from '@switchyard/store';

/** The last progress that workers told of their running jobs. It is in no table. */
export interface ProgressMemory {
  /** Takes the body of a progress hint; what is not one is passed over. */
  hear(body: Uint8Array): void;
  /** What was told by the very claim that `status` shows running: raw JSON. */
  outputOf(endpointId: EndpointId, status: JobStatus): Buffer | null;
}

const JOBS_MAX = 10_000;
const TOTAL_MAX_BYTES = 64 * 1_048_576;

const check = validator(ProgressSchema);

type Told = {
  readonly endpoint: string;
  readonly worker: string;
  readonly claimNo: number | null;
  readonly output: Buffer;
};

/** Remembers what fits; the jobs that were silent longest are forgotten first. */
export const createProgressMemory = (): ProgressMemory => {
  const told = new Map<string, Told>();
  let bytes = 0;

  const drop = (job: string): void => {
    bytes -= told.get(job)?.output.length ?? 0;
    told.delete(job);
  };

  return {
    hear: (body) => {
      const frame = decodeFrame(body);
      const header = check(frame?.header);
      const output = frame?.bodies[0];
      if (!header.ok || output === undefined || output.length > PROGRESS_MAX_BYTES) return;
      const { job, endpoint, worker, claimNo } = header.value;
      drop(job);
      // A copy, because the slice would keep the whole message in memory.
      told.set(job, { endpoint, worker, claimNo, output: Buffer.from(output) });
      bytes += output.length;
      for (const oldest of told.keys()) {
        if (told.size <= JOBS_MAX && bytes <= TOTAL_MAX_BYTES) break;
        drop(oldest);
      }
    },
    outputOf: (endpointId, status) => {
      if (status.state !== 'IN_PROGRESS') return null;
      const last = told.get(status.jobId);
      if (last === undefined || last.endpoint !== endpointId) return null;
      const sameClaim = last.claimNo === null || last.claimNo === status.claimNo;
      return sameClaim && last.worker === status.workerId ? last.output : null;
    },
  };
};
