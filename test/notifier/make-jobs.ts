import {
  type EndpointId,
  type InstanceId,
  type JobId,
  newJobId,
  parseEndpointId,
  parseWorkerId,
} from '@switchyard/contracts';
import { resolveSettings } from '@switchyard/lifecycle';
import { acceptJobs, claimJobs, createEndpoint, finishJobs, type Store } from '@switchyard/store';

const PROCESS = 'test';
const INSTANCE = 'test' as InstanceId;

export const makeEndpoint = async (store: Store, name: string): Promise<EndpointId> => {
  const endpointId = parseEndpointId(name);
  if (endpointId === undefined) throw new TypeError(`${name} names no endpoint`);
  await createEndpoint(store, endpointId, resolveSettings(name, {}));
  return endpointId;
};

/** Accepts a job for each of `webhooks` (null: without one). */
export const submitJobs = async (
  store: Store,
  endpointId: EndpointId,
  webhooks: readonly (string | null)[],
): Promise<JobId[]> => {
  const jobs = webhooks.map((webhook) => ({
    jobId: newJobId('async'),
    input: Buffer.from('{}'),
    webhook,
    executionTimeoutMs: 600_000,
    startAtMs: null,
    ttlMs: 600_000,
    rank: 1 as const,
    secret: undefined,
    idempotency: undefined,
  }));
  await acceptJobs(store, endpointId, PROCESS, 'http', jobs);
  return jobs.map((job) => job.jobId);
};

/** Claims whatever `count` jobs are next and completes them with `output`. */
export const completeJobs = async (
  store: Store,
  endpointId: EndpointId,
  count: number,
  output = '{"n":1}',
): Promise<void> => {
  const workerId = parseWorkerId('worker');
  if (workerId === undefined) throw new TypeError('worker names no worker');
  const seats = Array.from({ length: count }, () => ({ workerId, instance: INSTANCE }));
  const claimed = await claimJobs(store, endpointId, PROCESS, seats, false);
  const finishes = claimed.map(({ jobId, claimNo }) => ({
    jobId,
    workerId,
    claimNo,
    status: 'COMPLETED' as const,
    output: Buffer.from(output),
    error: undefined,
  }));
  await finishJobs(store, endpointId, PROCESS, finishes);
};

/** Jobs that are done, in the order of their webhooks. */
export const makeDoneJobs = async (
  store: Store,
  endpointId: EndpointId,
  webhooks: readonly (string | null)[],
  output?: string,
): Promise<JobId[]> => {
  const jobIds = await submitJobs(store, endpointId, webhooks);
  await completeJobs(store, endpointId, webhooks.length, output);
  return jobIds;
};
