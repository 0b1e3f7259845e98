import { tally, tellTally } from '../load/read-jobs.ts';
import type { Seen } from './seen.ts';

const WINDOW_MS = 10_000;
const PER_SECOND_MAX = 1;

/** Whether workers ask no more than they should, and clients are told what to do. */
export const judgeAbsence = (seen: Seen, workers: number): void => {
  const { checks, requests, stoppedAtMs, returnedAtMs, clientAnswers } = seen;
  const away = requests.filter(({ atMs }) => atMs >= stoppedAtMs && atMs < returnedAtMs);
  const byWorker = Map.groupBy(away, ({ worker }) => worker);
  const times = [...byWorker.values()].map((own) => own.map(({ atMs }) => atMs));
  const perSecond = (busiestWithin(times, WINDOW_MS) * 1_000) / WINDOW_MS;
  checks.check(
    perSecond <= PER_SECOND_MAX && byWorker.size === workers,
    `requests a second of the busiest of ${byWorker.size} workers in its busiest 10 s`,
    perSecond.toFixed(1),
    `at most ${PER_SECOND_MAX} of ${workers}`,
  );
  const seconds = (returnedAtMs - stoppedAtMs) / 1_000;
  const busiest = Math.max(...times.map(({ length }) => length / seconds));
  const calls = tellTally(tally(away.map(({ call }) => call)));
  console.log(
    `     while it was away: ${calls}; the busiest worker ` +
      `${busiest.toFixed(2)} a second in all, at most ${busiestWithin(times, 1_000)} within one`,
  );
  const told = clientAnswers.map(
    ({ status, headers }) => `${status} after ${headers['retry-after'] ?? 'never'}`,
  );
  checks.check(
    clientAnswers.every(({ status, headers }) => status === 503 && headers['retry-after']),
    'what a client is told meanwhile',
    told.join(', '),
    '503 with Retry-After',
  );
};

/** The most of one list that lie within `windowMs`. */
const busiestWithin = (lists: readonly (readonly number[])[], windowMs: number): number => {
  const most = (times: readonly number[]): number => {
    let from = 0;
    return times.reduce((max, atMs, index) => {
      while ((times[from] ?? atMs) <= atMs - windowMs) from += 1;
      return Math.max(max, index - from + 1);
    }, 0);
  };
  return Math.max(0, ...lists.map(most));
};
