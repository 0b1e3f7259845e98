import { randomUUID } from 'node:crypto';
import type { JobId } from '@switchyard/contracts';
import { RANKS } from '@switchyard/lifecycle';
import {
  appendChunks,
  cancelJobs,
  claimJobs,
  endOverdueJobs,
  escalateJobs,
  expireJobs,
  type Finish,
  findLostLeases,
  finishJobs,
  purgeDelayed,
  purgeQueue,
  readPurgeMoment,
  requeueJobs,
  retireJobs,
  retryJob,
  startDelayed,
} from '@switchyard/store';
import { seats } from '../store/jobs.ts';
import type { Act } from './acts.ts';
import type { Ground } from './ground.ts';

/** The jobs that an act says it has moved; of an escalation only their number is told. */
export type Told = ReadonlySet<JobId> | number;

/**
 * Does `act` to jobs as the services do, with the statement that is there for it. A claim takes as
 * many as `jobIds` holds; sweeps and purges take what they find in the endpoint.
 */
export const perform = async (
  ground: Ground,
  act: Act,
  jobIds: readonly JobId[],
): Promise<Told> => {
  const { store, endpointId, process } = ground;
  switch (act.kind) {
    case 'claim':
      return idsIn(
        await claimJobs(store, endpointId, process, seats(jobIds.length, act.workerId), false),
      );
    case 'finish':
      return finishJobs(store, endpointId, process, finishesOf(act, jobIds));
    case 'chunk':
      return append(ground, act, jobIds);
    case 'lose':
      return lose(ground, act, jobIds);
    case 'recover':
      return recover(ground);
    case 'cancel':
      return idsIn(await cancelJobs(store, endpointId, process, jobIds));
    case 'purge':
      return purge(ground);
    case 'expire':
      return expire(ground);
    case 'overrun':
      return idsIn(await endOverdueJobs(store, endpointId, process));
    case 'escalate':
      return (await escalateJobs(store, endpointId)).raised;
    case 'start':
      return new Set(await startDelayed(store, endpointId));
    case 'retry':
      return retry(ground, jobIds);
    case 'retire':
      return new Set(await retireJobs(store, endpointId));
  }
  return act satisfies never;
};

const idsIn = (jobs: readonly { readonly jobId: JobId }[]): Set<JobId> =>
  new Set(jobs.map(({ jobId }) => jobId));

const finishesOf = (
  { workerId, claimNo, status }: Extract<Act, { kind: 'finish' }>,
  jobIds: readonly JobId[],
): Finish[] =>
  jobIds.map((jobId) => ({
    ...{ jobId, workerId, claimNo, status },
    output: status === 'COMPLETED' ? Buffer.from('{"ok":true}') : undefined,
    error: status === 'FAILED' ? Buffer.from('"it broke"') : undefined,
  }));

const append = async (
  { store, endpointId }: Ground,
  { workerId, numbered }: Extract<Act, { kind: 'chunk' }>,
  jobIds: readonly JobId[],
): Promise<Set<JobId>> => {
  const output = Buffer.from('1');
  const posted = { claimNo: null, seq: null, heldMs: 0 } as const;
  const chunks = jobIds.map((jobId) => ({
    ...{ jobId, workerId, output },
    ...(numbered ?? { ...posted, postId: randomUUID() }),
  }));
  const taken = await appendChunks(store, endpointId, chunks);
  return new Set(jobIds.filter((_, index) => taken[index]));
};

const lose = async (
  { store, endpointId, process }: Ground,
  { claimNo, reason }: Extract<Act, { kind: 'lose' }>,
  jobIds: readonly JobId[],
): Promise<Set<JobId>> => {
  const claims = jobIds.map((jobId) => ({ jobId, claimNo }));
  const { requeued, failed } = await requeueJobs(store, endpointId, process, reason, claims);
  return new Set([...requeued, ...failed]);
};

const recover = async ({ store, endpointId, process }: Ground): Promise<Set<JobId>> => {
  const all = await findLostLeases(store);
  const lost = all.filter((lease) => lease.endpointId === endpointId);
  if (lost.length === 0) return new Set();
  const { requeued, failed } = await requeueJobs(store, endpointId, process, 'worker_lost', lost);
  return new Set([...requeued, ...failed]);
};

const purge = async ({ store, endpointId, process }: Ground): Promise<Set<JobId>> => {
  const before = await readPurgeMoment(store);
  const delayed = await purgeDelayed(store, endpointId, process, before);
  return new Set([...delayed, ...(await purgeQueue(store, endpointId, process, before))]);
};

const expire = async ({ store, endpointId, process }: Ground): Promise<Set<JobId>> => {
  const ended = new Set<JobId>();
  for (const rank of RANKS) {
    for (const jobId of await expireJobs(store, endpointId, process, rank)) ended.add(jobId);
  }
  return ended;
};

const retry = async (
  { store, endpointId, process }: Ground,
  jobIds: readonly JobId[],
): Promise<Set<JobId>> => {
  const retried = new Set<JobId>();
  for (const jobId of jobIds) {
    if (await retryJob(store, endpointId, process, jobId)) retried.add(jobId);
  }
  return retried;
};
