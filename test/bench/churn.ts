import { setTimeout as pause } from 'node:timers/promises';
import { openFiller } from './contenders/fill-jobs.ts';
import type { SwitchyardArena, SwitchyardWorker } from './contenders/switchyard.ts';

export type Churn = {
  readonly endpoint: string;
  /** How many jobs go through. */
  readonly jobs: number;
};

const FILL_JOBS = 100;
const LOOK_AGAIN_MS = 2;
const STALL_MS = 60_000;

/**
 * Lets `jobs` of the waiting jobs through `worker`, which is new, and queues as many anew, so that
 * the number of those that wait stays the same.
 * @returns jobs a second.
 */
export const churn = async (
  arena: SwitchyardArena,
  worker: SwitchyardWorker,
  { endpoint, jobs }: Churn,
): Promise<number> => {
  const startedMs = performance.now();
  let filled = 0;
  let seen = 0;
  let movedMs = startedMs;
  await using filler = openFiller(arena.databaseUrl, endpoint);
  while (worker.count() < jobs) {
    const done = worker.count();
    if (done - filled >= FILL_JOBS) {
      await filler.fill(done - filled);
      filled = done;
    } else {
      await pause(LOOK_AGAIN_MS);
    }
    if (done !== seen) movedMs = performance.now();
    seen = done;
    if (performance.now() - movedMs > STALL_MS) throw new Error(`nothing moves at ${done}`);
  }
  return (jobs * 1_000) / (performance.now() - startedMs);
};
