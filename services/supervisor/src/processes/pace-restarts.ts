/** How soon the workers of an endpoint are started again. Pure: the caller says what time it is. */

/** A worker that ends sooner has failed to start, in ms. */
export const QUICK_MS = 10_000;
/** The pause after the first failure in a row, the second, and so on, in ms. */
const PAUSES_MS = [0, 1_000, 2_000, 4_000] as const;
/** From here on the endpoint counts as crash-looping. */
const CRASH_LOOP_FAILURES = 5;
const CRASH_LOOP_PAUSE_MS = 60_000;

export type Pace = {
  readonly failures: number;
  readonly lastFailureMs: number;
  readonly nextStartMs: number;
};

export const FRESH: Pace = {
  failures: 0,
  lastFailureMs: Number.NEGATIVE_INFINITY,
  nextStartMs: Number.NEGATIVE_INFINITY,
};

export const isCrashLooping = (pace: Pace): boolean => pace.failures >= CRASH_LOOP_FAILURES;

/** One worker: when it was decided to start it, and how long it has run. */
export type Life = { readonly plannedMs: number; readonly ranMs: number };

/**
 * The pace after a worker ended by itself. Workers that were started side by side and fail alike
 * are one failure: only one that was planned after the last failure makes another.
 */
export const paceAfterExit = (pace: Pace, life: Life, nowMs: number): Pace => {
  if (life.ranMs >= QUICK_MS) return paceAfterLife(pace, life);
  if (life.plannedMs < pace.lastFailureMs) return pace;
  const failures = pace.failures + 1;
  const pauseMs = PAUSES_MS[failures - 1] ?? CRASH_LOOP_PAUSE_MS;
  return { failures, lastFailureMs: nowMs, nextStartMs: nowMs + pauseMs };
};

/** The pace while a worker lives: one that came after the last failure clears its memory. */
export const paceAfterLife = (pace: Pace, life: Life): Pace =>
  life.plannedMs >= pace.lastFailureMs && life.ranMs >= QUICK_MS ? FRESH : pace;

/**
 * How many of `missing` workers may be started now. A crash loop is tried with one worker, and no
 * further one while that one may still fail.
 */
export const startsAllowed = (
  pace: Pace,
  missing: number,
  now: { readonly nowMs: number; readonly plannedMs: readonly number[] },
): number => {
  if (missing <= 0 || now.nowMs < pace.nextStartMs) return 0;
  if (!isCrashLooping(pace)) return missing;
  return now.plannedMs.some((plannedMs) => plannedMs >= pace.lastFailureMs) ? 0 : 1;
};
