import type { PostingReport } from '../load/posting-plan.ts';
import type { Seen } from './seen.ts';

const WINDOW_MS = 5_000;
/** How long before the stop is looked at, without the beginning. */
const BEFORE_MS = 20_000;
/** Part of what was accepted before that must be accepted in each window. */
const ACCEPTED_LEAST = 0.5;

/** The starts of the windows of 5 s between two moments. */
const windowsOf = (fromMs: number, toMs: number): number[] =>
  Array.from(
    { length: Math.floor((toMs - fromMs) / WINDOW_MS) },
    (_, index) => fromMs + index * WINDOW_MS,
  );

const acceptedIn = ({ seconds, beganAtMs }: PostingReport, fromMs: number, toMs: number) => {
  const [from, to] = [fromMs, toMs].map((ms) => Math.round((ms - beganAtMs) / 1_000));
  return seconds.slice(from, to);
};

/** Whether clients and workers went on while the broker was away. */
export const judgeAbsence = (seen: Seen, report: PostingReport, ready: number): void => {
  const { checks, watch, stoppedAtMs, returnedAtMs } = seen;
  const refusals = Object.keys(report.failures).filter((why) => /^[1-5]\d\d/.test(why));
  checks.check(
    report.givenUp === 0 && refusals.length === 0,
    'posts that intake refused',
    `${refusals.length}; tried again ${JSON.stringify(report.failures)}`,
    `0 of ${report.acknowledged + report.givenUp}`,
  );
  const windows = windowsOf(stoppedAtMs, returnedAtMs);
  const leanest = (starts: readonly number[]): number =>
    Math.min(
      ...starts.map((fromMs) =>
        acceptedIn(report, fromMs, fromMs + WINDOW_MS).reduce(
          (sum, one) => sum + one.acknowledged,
          0,
        ),
      ),
    );
  const before = leanest(windowsOf(stoppedAtMs - BEFORE_MS, stoppedAtMs));
  const accepted = leanest(windows);
  checks.check(
    accepted >= ACCEPTED_LEAST * before && before > 0,
    'accepted in the leanest 5 s while it was away',
    accepted,
    `at least half of the leanest 5 s before: ${before}`,
  );
  const slowest = acceptedIn(report, stoppedAtMs, returnedAtMs).map(({ slowestMs }) => slowestMs);
  console.log(
    `     accepting: p50 ${report.acceptP50Ms.toFixed(1)} ms, p99 ` +
      `${report.acceptP99Ms.toFixed(1)} ms in all, slowest ${Math.max(...slowest).toFixed(0)} ms ` +
      'while it was away',
  );
  checks.check(ready === 2, '/readyz of intake and gateway answer 200 without it', ready, 2);
  // The first window has what was handed over before.
  const rates = windows.slice(1).map((fromMs) => watch.rate(fromMs, fromMs + WINDOW_MS));
  checks.check(
    Math.min(...rates) > 0,
    'completed in the leanest 5 s while it was away, jobs/s',
    Math.min(...rates).toFixed(0),
    'more than 0',
  );
  console.log(
    `     completed before ${watch.rate(stoppedAtMs - 20_000, stoppedAtMs).toFixed(0)} jobs/s, ` +
      `while it was away ${watch.rate(stoppedAtMs, returnedAtMs).toFixed(0)} jobs/s`,
  );
  const { pauseMs, atMs } = watch.longestPause(stoppedAtMs - 5_000, returnedAtMs + 10_000);
  console.log(
    `     longest time without a completed job: ${pauseMs} ms, ` +
      `${((atMs - stoppedAtMs) / 1_000).toFixed(1)} s after the stop`,
  );
};
