/** Every trigger of the lifecycle as the statement that pulls it, for the tests of all of them. */
import { type EndpointId, type JobId, type State, uuidOf } from '@switchyard/contracts';
import type { Trigger } from '@switchyard/lifecycle';
import { RANKS } from '@switchyard/lifecycle';
import {
  cancelJobs,
  endOverdueJobs,
  expireJobs,
  purgeDelayed,
  purgeQueue,
  readPurgeMoment,
  requeueJobs,
  retryJob,
  type Store,
} from '@switchyard/store';
import type { TestStore } from '../support/store.ts';
import { acceptOne, claim, claimOne, finish, PROCESS, WORKER } from './jobs.ts';

/** A job as a test sees it; the claim is the last one that was made. */
export type Subject = {
  readonly endpointId: EndpointId;
  readonly jobId: JobId;
  readonly claimNo: number;
};

export type Move = {
  readonly trigger: Trigger;
  /** Makes the move due where it takes time to become so. */
  readonly prepare?: (sql: TestStore['sql'], job: Subject) => Promise<unknown>;
  /** Tries the move; what it tells is not asked. */
  readonly pull: (store: Store, job: Subject) => Promise<unknown>;
};

const letDeadlinePass: Move['prepare'] = (sql, { jobId }) =>
  sql(`update queue set deadline_at = statement_timestamp() - interval '1 s' where job_id = $1`, [
    uuidOf(jobId),
  ]);

const letTimeoutPass: Move['prepare'] = (sql, { jobId }) =>
  sql(
    `update leases set started_at = statement_timestamp() - interval '2 s',
      overdue_at = statement_timestamp() - interval '1 s' where job_id = $1`,
    [uuidOf(jobId)],
  );

const lose =
  (reason: 'worker_lost' | 'not_handed_over'): Move['pull'] =>
  (store, { endpointId, jobId, claimNo }) =>
    requeueJobs(store, endpointId, PROCESS, reason, [{ jobId, claimNo }]);

const end =
  (status: 'COMPLETED' | 'FAILED'): Move['pull'] =>
  (store, job) =>
    finish(store, job.endpointId, { ...job, workerId: WORKER }, status);

/** Each statement that moves jobs, by its name. */
export const MOVES = {
  claim: { trigger: 'claim', pull: (store, { endpointId }) => claim(store, endpointId, 1) },
  handBack: { trigger: 'handBack', pull: lose('not_handed_over') },
  requeue: { trigger: 'requeue', pull: lose('worker_lost') },
  complete: { trigger: 'complete', pull: end('COMPLETED') },
  fail: { trigger: 'fail', pull: end('FAILED') },
  cancel: {
    trigger: 'cancel',
    pull: (store, { endpointId, jobId }) => cancelJobs(store, endpointId, PROCESS, [jobId]),
  },
  purge: {
    trigger: 'cancel',
    pull: async (store, { endpointId }) => {
      const before = await readPurgeMoment(store);
      await purgeDelayed(store, endpointId, PROCESS, before);
      await purgeQueue(store, endpointId, PROCESS, before);
    },
  },
  expire: {
    trigger: 'expire',
    prepare: letDeadlinePass,
    pull: async (store, { endpointId }) => {
      for (const rank of RANKS) await expireJobs(store, endpointId, PROCESS, rank);
    },
  },
  overrun: {
    trigger: 'overrun',
    prepare: letTimeoutPass,
    pull: (store, { endpointId }) => endOverdueJobs(store, endpointId, PROCESS),
  },
  retry: {
    trigger: 'retry',
    pull: (store, { endpointId, jobId }) => retryJob(store, endpointId, PROCESS, jobId),
  },
} as const satisfies Record<string, Move>;
export type MoveName = keyof typeof MOVES;

/** The moves that bring a newly accepted job into each state. */
const WAYS: Readonly<Record<State, readonly MoveName[]>> = {
  IN_QUEUE: [],
  IN_PROGRESS: ['claim'],
  COMPLETED: ['claim', 'complete'],
  FAILED: ['claim', 'fail'],
  CANCELLED: ['claim', 'cancel'],
  TIMED_OUT: ['claim', 'overrun'],
};

/** Accepts a job, alone in its endpoint's queue, and brings it into `state`. */
export const bringInto = async (
  { store, sql }: Pick<TestStore, 'store' | 'sql'>,
  endpointId: EndpointId,
  state: State,
): Promise<Subject> => {
  const jobId = await acceptOne(store, endpointId, {
    webhook: 'https://example.com/hook',
    secret: Buffer.from('sealed'),
  });
  const [first, ...rest] = WAYS[state];
  if (first === undefined) return { endpointId, jobId, claimNo: 0 };
  const { claimNo } = await claimOne(store, endpointId);
  const job = { endpointId, jobId, claimNo };
  for (const name of rest) {
    const move: Move = MOVES[name];
    await move.prepare?.(sql, job);
    await move.pull(store, job);
  }
  return job;
};
