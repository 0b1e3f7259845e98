/** Endpoints and jobs for the tests of statements, in as few words as these allow. */
import { createHash, randomBytes } from 'node:crypto';
import {
  type EndpointId,
  type EndpointSettings,
  type InstanceId,
  type JobId,
  newJobId,
  parseEndpointId,
  parseWorkerId,
  type WorkerId,
} from '@switchyard/contracts';
import { RANK, resolveSettings } from '@switchyard/lifecycle';
import {
  acceptJobs,
  type ClaimedJob,
  claimJobs,
  createEndpoint,
  finishJobs,
  type NewJob,
  type Seat,
  type Store,
} from '@switchyard/store';

export const PROCESS = 'process-1';
export const INSTANCE = 'instance-1' as InstanceId;
export const WORKER = 'worker-1' as WorkerId;

/** Makes an endpoint of a name that no other test has. */
export const makeEndpoint = async (
  store: Store,
  settings: EndpointSettings = {},
): Promise<EndpointId> => {
  const id = parseEndpointId(`e-${randomBytes(6).toString('hex')}`);
  if (id === undefined) throw new TypeError('the name is built to fit');
  await createEndpoint(store, id, resolveSettings(id, settings));
  return id;
};

/** A job as intake would hand it on. */
export const newJob = (job: Partial<NewJob> = {}): NewJob => ({
  jobId: newJobId('async'),
  input: Buffer.from('{"n":1}'),
  webhook: null,
  executionTimeoutMs: 600_000,
  startAtMs: null,
  ttlMs: 86_400_000,
  rank: RANK.high,
  secret: undefined,
  idempotency: undefined,
  ...job,
});

/** An idempotency key with the hash of a body. */
export const keyed = (key: string, body = 'body'): NonNullable<NewJob['idempotency']> => ({
  key,
  bodyHash: createHash('sha256').update(body).digest(),
});

/** Accepts one job for each of `jobs`. @returns their ids in this order. */
export const accept = async (
  store: Store,
  endpointId: EndpointId,
  ...jobs: readonly Partial<NewJob>[]
): Promise<JobId[]> => {
  const made = jobs.map(newJob);
  await acceptJobs(store, endpointId, PROCESS, 'http', made);
  return made.map((job) => job.jobId);
};

/** Accepts one job. */
export const acceptOne = async (
  store: Store,
  endpointId: EndpointId,
  job: Partial<NewJob> = {},
): Promise<JobId> => {
  const [jobId] = await accept(store, endpointId, job);
  if (jobId === undefined) throw new TypeError('one job was accepted');
  return jobId;
};

/** `count` free slots of one worker. */
export const seats = (count: number, worker: string = WORKER, instance = INSTANCE): Seat[] => {
  const workerId = parseWorkerId(worker);
  if (workerId === undefined) throw new TypeError(`no worker id: ${worker}`);
  return Array.from({ length: count }, () => ({ workerId, instance }));
};

/** Claims up to `count` jobs for one worker. */
export const claim = (
  store: Store,
  endpointId: EndpointId,
  count: number,
  worker: string = WORKER,
): Promise<ClaimedJob[]> => claimJobs(store, endpointId, PROCESS, seats(count, worker), false);

/** Claims the one job that is next. */
export const claimOne = async (
  store: Store,
  endpointId: EndpointId,
  worker: string = WORKER,
): Promise<ClaimedJob> => {
  const [job] = await claim(store, endpointId, 1, worker);
  if (job === undefined) throw new TypeError('nothing was due');
  return job;
};

/** Posts the worker's result of a claim. @returns whether it was taken. */
export const finish = async (
  store: Store,
  endpointId: EndpointId,
  job: Pick<ClaimedJob, 'jobId' | 'workerId'> & { claimNo: number | null },
  status: 'COMPLETED' | 'FAILED' = 'COMPLETED',
  completedWith: Buffer = Buffer.from('{"ok":true}'),
): Promise<boolean> => {
  const { jobId, workerId, claimNo } = job;
  const ended = await finishJobs(store, endpointId, PROCESS, [
    {
      ...{ jobId, workerId, claimNo, status },
      output: status === 'COMPLETED' ? completedWith : undefined,
      error: status === 'FAILED' ? Buffer.from('"it broke"') : undefined,
    },
  ]);
  return ended.has(jobId);
};
