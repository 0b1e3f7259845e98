import { refuse, START_AHEAD_MAX_MS, type StartAfter, startAfterMs } from '@switchyard/contracts';
import { readClock, type Store } from '@switchyard/store';

export interface StartGuard {
  /**
   * Lets a job in that starts at `startAfter`, which is well-formed; undefined is at once.
   * @throws Refusal `request.invalid` beyond START_AHEAD_MAX_MS from now; StoreUnavailable.
   */
  admit(startAfter: StartAfter | undefined): Promise<void>;
}

/** How long one reading of the database's clock serves, in ms: this machine's runs on from it. */
const READING_MS = 10_000;

/** Holds start times to their bound by the database's clock, without asking it for each job. */
export const createStartGuard = (store: Store): StartGuard => {
  let aheadMs = 0;
  let readAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  const readAnew = async (): Promise<void> => {
    try {
      const nowMs = await readClock(store);
      readAtMs = performance.now();
      aheadMs = nowMs - readAtMs;
    } finally {
      reading = undefined;
    }
  };

  return {
    admit: async (startAfter) => {
      if (startAfter === undefined) return;
      if (performance.now() - readAtMs > READING_MS) {
        reading ??= readAnew();
        await reading;
      }
      const latestMs = performance.now() + aheadMs + START_AHEAD_MAX_MS;
      if ((startAfterMs(startAfter) ?? latestMs) <= latestMs) return;
      throw refuse(
        'request.invalid',
        `policy.startAfter must be at most 30 days (${START_AHEAD_MAX_MS} ms) ahead, which is ` +
          `${new Date(latestMs).toISOString()}; got ${JSON.stringify(startAfter)}.`,
      );
    },
  };
};
