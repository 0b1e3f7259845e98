import { setTimeout as pause } from 'node:timers/promises';
import type { Servers } from './servers.ts';
import type { Program } from './start-program.ts';

/** Where jobs are posted. */
export type Front = {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
};

/** A worker in a process of its own whose handler does nothing. */
export type BenchWorker = AsyncDisposable & {
  readonly pid: number;
  /** On the monotonic clock of `performance.now()`: when it was about to begin. */
  readonly beganMs: number;
  /** How many jobs it was given so far. */
  readonly count: () => number;
  /** From the client's send to the handler's first line, of each job that tells its sending. */
  readonly startLatenciesMs: () => Promise<readonly number[]>;
};

/** A contender on an empty store. */
export type Arena = AsyncDisposable & {
  /** Starts what clients post to; the same for each call. */
  readonly front: () => Promise<Front>;
  /** Resolves once the worker takes jobs. */
  readonly startWorker: () => Promise<BenchWorker>;
  /** Stores jobs, not through the front, by its fastest documented way. */
  readonly fill: (count: number) => Promise<void>;
  /**
   * Starts a process that stores jobs by the fastest documented way, BULK_WARM_UP before its clock
   * starts and `count` after.
   * @throws LeftOut where there is no such way.
   */
  readonly submitBulk: (count: number) => Promise<Program<BulkReport>>;
  /** Jobs that are not terminal, as the store itself says. */
  readonly remaining: () => Promise<number>;
};

export const BULK_WARM_UP = 10;

export type BulkReport = {
  /** When the first counted call was made, on the clock of `nowUs`. */
  readonly startedUs: number;
  readonly seconds: number;
};

/** Something that keeps jobs and runs them. */
export type Contender = {
  readonly name: string;
  /** Whether it keeps jobs in Postgres, as Switchyard does. */
  readonly isOnPostgres: boolean;
  readonly open: (servers: Servers) => Promise<Arena>;
};

const POLL_MS = 3;
const STALL_MS = 60_000;

/**
 * Resolves once the workers were given `count` jobs and the store says that all are terminal.
 * @throws Error when nothing moves for a minute.
 */
export const untilAllDone = async (
  arena: Arena,
  workers: readonly Pick<BenchWorker, 'count'>[],
  count: number,
): Promise<void> => {
  let seen = -1;
  let movedMs = performance.now();
  const look = (now: number): void => {
    if (now !== seen) movedMs = performance.now();
    else if (performance.now() - movedMs > STALL_MS) throw new Error(`nothing moves at ${now}`);
    seen = now;
  };
  const given = (): number => workers.reduce((sum, worker) => sum + worker.count(), 0);
  while (given() < count) {
    look(given());
    await pause(POLL_MS);
  }
  for (let left = await arena.remaining(); left > 0; left = await arena.remaining()) {
    look(-2 - left);
    await pause(POLL_MS);
  }
};
