import { setTimeout as pause } from 'node:timers/promises';
import type { JobReader } from './read-jobs.ts';

/** How many jobs were completed at a moment, as `/health` told. */
type Sample = { readonly atMs: number; readonly completed: number };

/** Looks at the completed jobs several times a second, until it is disposed. */
export type Watch = AsyncDisposable & {
  /** Completed between two moments in ms since 1970, a second. */
  readonly rate: (fromMs: number, toMs: number) => number;
  /** The longest time within which nothing more was completed, and when it began. */
  readonly longestPause: (fromMs: number, toMs: number) => { atMs: number; pauseMs: number };
};

const LOOK_EVERY_MS = 50;

export const watchCompletions = (reader: Pick<JobReader, 'health'>): Watch => {
  const samples: Sample[] = [];
  let isOver = false;
  const look = async (): Promise<void> => {
    while (!isOver) {
      const completed = (await reader.health())?.jobs.completed;
      if (completed !== undefined) samples.push({ atMs: Date.now(), completed });
      await pause(LOOK_EVERY_MS);
    }
  };
  const looking = look();
  const at = (ms: number): Sample | undefined => samples.findLast(({ atMs }) => atMs <= ms);
  return {
    rate: (fromMs, toMs) => {
      const [from, to] = [at(fromMs) ?? samples[0], at(toMs)];
      if (from === undefined || to === undefined || to.atMs <= from.atMs) return 0;
      return ((to.completed - from.completed) * 1_000) / (to.atMs - from.atMs);
    },
    longestPause: (fromMs, toMs) => {
      let longest = { atMs: fromMs, pauseMs: 0 };
      let changed: Sample | undefined;
      for (const sample of samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)) {
        if (changed !== undefined && sample.completed <= changed.completed) continue;
        const { atMs } = changed ?? sample;
        if (sample.atMs - atMs > longest.pauseMs) longest = { atMs, pauseMs: sample.atMs - atMs };
        changed = sample;
      }
      return longest;
    },
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      await looking;
    },
  };
};
