import { setTimeout as pause } from 'node:timers/promises';
import { StoreUnavailable } from '@switchyard/store';

const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 1_000;

/**
 * Repeats `work` until it returns true, while it returns false or the database is away.
 * @returns false when `stop` aborted before that. @throws whatever else `work` throws.
 */
export const repeatWhileAway = async (
  work: () => Promise<boolean>,
  stop: AbortSignal,
): Promise<boolean> => {
  for (let pauseMs = PAUSE_MIN_MS; !stop.aborted; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
    try {
      if (await work()) return true;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
    await pause(pauseMs, undefined, { signal: stop }).catch(() => undefined);
  }
  return false;
};
