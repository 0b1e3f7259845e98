import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceProcess } from '../../support/start-switchyard.ts';
import { judgeNoneLost, keepPosting, longestGapMs } from './keep-posting.ts';
import { ENDPOINTS, type Recovery } from './open-recovery.ts';

const RESUMED_MAX_MS = 5_000;
const DOWN_MS = 6_000;
const SETTLE_MS = 4_000;

type Kill = { readonly name: string; readonly atMs: number; readonly untilMs: number };

/**
 * Kills the only scheduler, and then of two the one that claims, while a client posts. A supervisor
 * stays with the scheduler that it asked first: of two, with the one that was alone before.
 */
export const killSchedulers = async (recovery: Recovery): Promise<void> => {
  const { checks, switchyard, startWorker } = recovery;
  const first = switchyard.process('scheduler');
  const second = await switchyard.another('scheduler', 'scheduler-2');
  startWorker(ENDPOINTS.steady, 'steady', 0);
  await using load = keepPosting(recovery, 'schedulers');
  await pause(SETTLE_MS);
  const alone = await killOne('the only scheduler killed, away for 6 s', first);
  await second.start();
  await pause(SETTLE_MS);
  const oneOfTwo = await killOne('the scheduler that claims killed, of two', first);
  const jobs = await load.finish();
  for (const { name, atMs, untilMs } of [alone, oneOfTwo]) {
    const gapMs = longestGapMs(jobs, atMs, untilMs);
    checks.check(
      gapMs <= RESUMED_MAX_MS,
      `${name}: longest time without a claim, in s`,
      (gapMs / 1_000).toFixed(1),
      `at most ${RESUMED_MAX_MS / 1_000}`,
    );
  }
  judgeNoneLost(recovery, 'scheduler killed', jobs);
};

const killOne = async (name: string, scheduler: ServiceProcess): Promise<Kill> => {
  const atMs = Date.now();
  await scheduler.end('SIGKILL');
  await pause(DOWN_MS);
  await scheduler.start();
  await pause(SETTLE_MS);
  return { name, atMs, untilMs: Date.now() };
};
