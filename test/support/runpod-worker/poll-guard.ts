/** How a broken server is kept from being asked for ever by workers that never pause. */
export type PollGuard = {
  /** Counts one answered poll. */
  count(): void;
};

/**
 * Calls `runAway` when more than `perSecondMax` polls were answered in each of two seconds that
 * follow each other. The real package has no such limit: it was measured at 2,400 a second.
 */
export const guardPolls = (perSecondMax: number, runAway: (polls: number) => void): PollGuard => {
  let polls = 0;
  let second = 0;
  let inSecond = 0;
  let lastExcess = -1;
  return {
    count() {
      const now = Math.floor(performance.now() / 1000);
      if (now !== second) inSecond = 0;
      second = now;
      polls += 1;
      inSecond += 1;
      if (inSecond !== perSecondMax + 1) return;
      if (lastExcess === now - 1) runAway(polls);
      lastExcess = now;
    },
  };
};
