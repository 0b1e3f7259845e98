/** How long the next claim rests, in ms. */
const RESTS_MS = [12, 25, 50, 100] as const;
/** A pace is judged over so many claims: jobs come in lumps. */
const JUDGED_CLAIMS = 4;
/** A longer rest at which less than this part of the jobs comes in the same time is too long. */
const KEPT_PART = 0.75;
/** So many judgements after a rest was found too long, it is tried again. */
const PATIENCE = 10;

/** How long the claims of one endpoint rest, so that each takes many jobs. */
export interface Pace {
  /**
   * Tells that `jobs` were claimed until the queue was empty, `sinceMs` after it last was.
   * @returns how long the next claim should rest, in ms.
   */
  restMs(jobs: number, sinceMs: number): number;
}

/**
 * Where jobs come by themselves, a claim finds the more the longer it rests, at no loss; where each
 * comes when an earlier one has ended, as from clients that wait for their results, a rest costs
 * pace. So rests grow as long as jobs come no slower by it.
 */
export const createPace = (): Pace => {
  let level = 0;
  let shorterPerMs = 0;
  let patience = 0;
  let claims = 0;
  let jobsSum = 0;
  let msSum = 0;

  const judge = (perMs: number): void => {
    if (level > 0 && perMs < KEPT_PART * shorterPerMs) {
      level -= 1;
      // Whatever a still shorter one brought, things have changed since.
      shorterPerMs = 0;
      patience = PATIENCE;
    } else if (patience > 0) {
      patience -= 1;
    } else if (level < RESTS_MS.length - 1) {
      level += 1;
      shorterPerMs = perMs;
    }
  };

  return {
    restMs: (jobs, sinceMs) => {
      claims += 1;
      jobsSum += jobs;
      msSum += sinceMs;
      if (claims === JUDGED_CLAIMS) {
        judge(jobsSum / Math.max(1, msSum));
        claims = 0;
        jobsSum = 0;
        msSum = 0;
      }
      return RESTS_MS[level] ?? RESTS_MS[0];
    },
  };
};
