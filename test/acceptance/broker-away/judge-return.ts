import { PER_SECOND, type Seen } from './seen.ts';

const BACK_MAX_MS = 10_000;
/** Part of the rate before that must be reached again. */
const RATE_LEAST = 0.9;
/** A second is as before when its jobs waited no longer than this, beside three times before. */
const DELAY_FLOOR_MS = 100;

const quantile = (values: readonly number[], part: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Infinity;
};

/** Whether all is as before within 10 s of the broker's return. */
export const judgeReturn = (seen: Seen): void => {
  judgeDelays(seen);
  const { checks, watch, stoppedAtMs, returnedAtMs } = seen;
  const backAtMs = returnedAtMs + BACK_MAX_MS;
  const rate = watch.rate(backAtMs, backAtMs + 10_000);
  const before = Math.min(PER_SECOND, watch.rate(stoppedAtMs - 20_000, stoppedAtMs));
  checks.check(
    rate >= RATE_LEAST * before && before > 0,
    'completed from 10 s after its return on, jobs/s',
    rate.toFixed(0),
    `at least 0.9 of the ${before.toFixed(0)} before`,
  );
  judgeCatchUp(seen);
};

/** How long the jobs waited that were accepted between two moments. */
const delaysIn = ({ jobs }: Seen, fromMs: number, toMs: number): number[] =>
  [...jobs.values()]
    .filter(({ acceptedAtMs }) => acceptedAtMs >= fromMs && acceptedAtMs < toMs)
    .map(({ delayMs }) => delayMs);

const judgeDelays = (seen: Seen): void => {
  const { checks, stoppedAtMs, returnedAtMs, endedAtMs } = seen;
  const before = delaysIn(seen, stoppedAtMs - 20_000, stoppedAtMs - 1_000);
  const bound = Math.max(DELAY_FLOOR_MS, 3 * quantile(before, 0.95));
  let backMs = 0;
  for (let atMs = returnedAtMs; atMs + 1_000 <= endedAtMs; atMs += 1_000) {
    if (quantile(delaysIn(seen, atMs, atMs + 1_000), 0.95) > bound) {
      backMs = atMs + 1_000 - returnedAtMs;
    }
  }
  checks.check(
    backMs <= BACK_MAX_MS,
    'seconds after its return until jobs waited as before',
    backMs / 1_000,
    `at most ${BACK_MAX_MS / 1_000}`,
  );
  const tell = (when: string, values: readonly number[]): string =>
    `${when} p50 ${quantile(values, 0.5)} ms, p95 ${quantile(values, 0.95)} ms`;
  const away = delaysIn(seen, stoppedAtMs, returnedAtMs);
  const after = delaysIn(seen, returnedAtMs + BACK_MAX_MS, endedAtMs);
  console.log(`     waited: ${tell('before', before)}; ${tell('away', away)}`);
  console.log(`     waited: ${tell('from 10 s after its return on', after)}`);
};

const judgeCatchUp = ({ checks, journal, jobs, returnedAtMs }: Seen): void => {
  const arrivals: number[] = [];
  for (const [id, { acceptedAtMs }] of jobs) {
    if (acceptedAtMs >= returnedAtMs) continue;
    for (const { atMs } of journal.jobs.get(id)?.values() ?? []) arrivals.push(atMs);
  }
  const lastMs = Math.max(returnedAtMs, quantile(arrivals, 1));
  const late = arrivals.filter((atMs) => atMs > returnedAtMs);
  const at = (part: number): string => ((quantile(late, part) - returnedAtMs) / 1_000).toFixed(1);
  console.log(
    `     events that came after its return: ${late.length}, half of them within ${at(0.5)} s, ` +
      `99 % within ${at(0.99)} s, all within ${at(1)} s`,
  );
  checks.check(
    lastMs - returnedAtMs <= BACK_MAX_MS,
    'seconds after its return until the events of the gap had come',
    ((lastMs - returnedAtMs) / 1_000).toFixed(1),
    `at most ${BACK_MAX_MS / 1_000}`,
  );
};
