import type { Log } from '@switchyard/runtime';
import { isPassing } from '@switchyard/store';

/** How long a start waits for a database or broker that is away, in ms. */
export const START_WAIT_MS = 60_000;
const AGAIN_MS = 250;

/**
 * Repeats a step of a start while the database is away.
 * @throws what the step threw when that does not pass by itself, or does not pass in time.
 */
export const whileAway = async <Result>(log: Log, step: () => Promise<Result>): Promise<Result> => {
  const untilMs = performance.now() + START_WAIT_MS;
  for (let told = false; ; ) {
    try {
      return await step();
    } catch (error) {
      if (!isPassing(error) || performance.now() > untilMs) throw error;
      if (!told) log.warn({ err: error }, 'the database is away; waiting for it');
      told = true;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
};
