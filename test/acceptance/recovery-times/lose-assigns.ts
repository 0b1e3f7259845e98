import { setTimeout as pause } from 'node:timers/promises';
import type { JobDetail } from '@switchyard/contracts';
import { submit } from '../support/setup-calls.ts';
import { between, untilJob } from '../worker-troubles/history.ts';
import { ENDPOINTS, type Recovery } from './open-recovery.ts';

const RUNS_MAX_MS = 30_000;
const JOBS = 4;
const WAIT_MS = 120_000;
/** Longer than a supervisor takes to say again what it has room for. */
const SETTLE_MS = 2_500;

const isDone = ({ status }: { status: string }): boolean => status === 'COMPLETED';

/**
 * Lets the way between broker and supervisor swallow everything before jobs are claimed: the
 * assigns never come. It heals as soon as they are claimed, or only when they have run.
 */
export const loseAssigns = async (recovery: Recovery): Promise<void> => {
  recovery.startWorker(ENDPOINTS.assigned, 'assigned', 0);
  await loseOnce(recovery, 'claimed');
  await loseOnce(recovery, 'run');
};

const loseOnce = async (recovery: Recovery, heals: 'claimed' | 'run'): Promise<void> => {
  const { checks, call, supervisorBroker } = recovery;
  await runOne(recovery);
  await pause(SETTLE_MS);
  supervisorBroker.set({ kind: 'half-open' });
  const ids = await Promise.all(
    Array.from({ length: JOBS }, (_, n) => submit(call, ENDPOINTS.assigned, { input: n })),
  );
  const until = (holds: (job: JobDetail) => boolean): Promise<JobDetail[]> =>
    Promise.all(ids.map((id) => untilJob(call, id, holds, WAIT_MS)));
  await until(({ events }) => events.length >= 2);
  if (heals === 'claimed') supervisorBroker.set({ kind: 'open' });
  const jobs = await until(isDone);
  supervisorBroker.set({ kind: 'open' });
  judgeJobs(checks, `assign lost, the way heals once they are ${heals}`, jobs);
  await runOne(recovery);
};

const runOne = async ({ call }: Recovery): Promise<void> => {
  const id = await submit(call, ENDPOINTS.assigned, { input: 'before or after' });
  await untilJob(call, id, isDone, WAIT_MS);
};

const judgeJobs = (checks: Recovery['checks'], name: string, jobs: readonly JobDetail[]): void => {
  const lost = jobs.filter(({ events }) => events[2]?.reason === 'assign_lost');
  checks.check(lost.length === jobs.length, `${name}: lost`, lost.length, `all ${jobs.length}`);
  const unspent = jobs.filter(({ attempt, events }) => attempt === 1 && !events[2]?.spent);
  checks.check(
    unspent.length === jobs.length,
    `${name}: jobs that it cost no attempt`,
    unspent.length,
    `all ${jobs.length}`,
  );
  // From the claim whose assign was lost to the start that the worker heard of.
  const tookMs = Math.max(...jobs.map((job) => between(job, 2, job.events.length - 1)));
  checks.check(
    tookMs <= RUNS_MAX_MS,
    `${name}: slowest from the claim to its run, in s`,
    (tookMs / 1_000).toFixed(1),
    `at most ${RUNS_MAX_MS / 1_000}`,
  );
};
