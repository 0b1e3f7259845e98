import {
  type EndpointId,
  type InstanceId,
  type JobId,
  parseWorkerId,
  type WorkerId,
} from '@switchyard/contracts';
import { type ClaimedJob, claimJobs, finishJobs } from '@switchyard/store';
import type { TestIntake } from './start-intake.ts';

export const WORKER = parseWorkerId('w-1') as WorkerId;

/** Claims jobs of an endpoint for the worker `w-1`, as a scheduler does. */
export const claim = (
  { store }: TestIntake,
  endpointId: EndpointId,
  slots = 1,
): Promise<ClaimedJob[]> => {
  const seat = { workerId: WORKER, instance: 'test-supervisor' as InstanceId };
  return claimJobs(store, endpointId, 'test', Array(slots).fill(seat), false);
};

type Result = { readonly output?: string; readonly error?: string };

/** Ends a job that `w-1` runs, as a supervisor does, with raw JSON. */
export const finish = (
  { store }: TestIntake,
  endpointId: EndpointId,
  jobId: JobId,
  { output, error }: Result,
): Promise<ReadonlySet<JobId>> =>
  finishJobs(store, endpointId, 'test', [
    {
      jobId,
      workerId: WORKER,
      claimNo: null,
      status: error === undefined ? 'COMPLETED' : 'FAILED',
      output: output === undefined ? undefined : Buffer.from(output),
      error: error === undefined ? undefined : Buffer.from(error),
    },
  ]);
