import { troubleIn } from '../load/judge-logs.ts';
import { tally, tellTally } from '../load/read-jobs.ts';
import type { Checks } from '../support/checks.ts';
import type { AnswerFigures, OfferReport, Pace } from './offer-plan.ts';
import { MAX_QUEUED } from './open-overload.ts';
import type { Measured } from './run-part.ts';

/** What an overload must not take from the workers. */
const KEPT_PART = 0.9;
const OFFERED_TIMES = 10;
/**
 * A refusal is fast when most of those who wait for it do not notice that they do, and all but a
 * few wait a tenth of the 5 s at the most after which it asks them to come back.
 */
const REFUSAL_MAX_MS = { p50: 100, p99: 500 } as const;
/** Of the core that the system is held to: there was no more to be had of it. */
const FULL_PART = 0.95;
/** The first jobs of a phase still belong to the one before it. */
const SETTLE_MS = 2_000;

/** Completed jobs a second by the journal of the workers, while `report` was made. */
const rateIn = ({ done }: Measured, { beganAtMs, endedAtMs }: OfferReport): number => {
  const fromMs = beganAtMs + SETTLE_MS;
  const count = done.filter(({ atMs }) => atMs >= fromMs && atMs < endedAtMs).length;
  return (count * 1_000) / (endedAtMs - fromMs);
};

/** How many cores other programs of the machine had meanwhile: what may blur the figures. */
const foreignIn = ({ samples }: Measured, { beganAtMs, endedAtMs }: OfferReport): string => {
  const within = samples.filter(({ atMs }) => atMs >= beganAtMs && atMs < endedAtMs);
  const seconds = within.reduce((sum, { foreignCpuSeconds }) => sum + foreignCpuSeconds, 0);
  return ((seconds * 1_000) / (endedAtMs - beganAtMs)).toFixed(2);
};

/** Whether the workers worked on as they did before and after; `pace` says what was offered. */
export const judgeRate = (checks: Checks, measured: Measured, pace: Pace): void => {
  const { before, overload, after } = measured;
  const least = Math.min(before.leastWaiting ?? 0, after.leastWaiting ?? 0);
  checks.check(
    least > 0,
    'jobs that waited at the least while the workers set the pace',
    least,
    'more than 0',
  );
  const rates = [before, after].map((report) => rateIn(measured, report));
  const baseline = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  judgeOffer(checks, measured, pace, baseline);
  const rate = rateIn(measured, overload);
  checks.check(
    rate >= KEPT_PART * baseline,
    'jobs completed a second in the overload',
    `${rate.toFixed(1)}, ${((rate * 100) / baseline).toFixed(1)} % of ${baseline.toFixed(1)}`,
    `at least ${KEPT_PART * 100} %`,
  );
  const [first = 0, last = 0] = rates;
  const foreign = [before, overload, after].map((report) => foreignIn(measured, report));
  console.log(
    `       ${first.toFixed(1)} before and ${last.toFixed(1)} after; other programs of the ` +
      `machine had ${foreign.join(', ')} cores before, meanwhile and after`,
  );
};

const judgeOffer = (checks: Checks, measured: Measured, pace: Pace, baseline: number): void => {
  const { sent, unsent, beganAtMs, endedAtMs } = measured.overload;
  const seconds = (endedAtMs - beganAtMs) / 1_000;
  const offered = sent / seconds;
  const figure = `${offered.toFixed(0)} for ${seconds.toFixed(0)} s`;
  if (pace.kind !== 'most') {
    checks.check(
      offered >= OFFERED_TIMES * baseline,
      'requests offered a second',
      `${figure}, ${unsent} more held back`,
      `at least ${OFFERED_TIMES} x ${baseline.toFixed(0)}`,
    );
    return;
  }
  const within = measured.samples.filter(({ atMs }) => atMs >= beganAtMs && atMs < endedAtMs);
  const busy = within.reduce((sum, { systemCoreBusy }) => sum + systemCoreBusy, 0) / within.length;
  checks.check(
    busy >= FULL_PART,
    'requests answered a second, and how busy the core of the system was',
    `${figure}, ${(busy * 100).toFixed(1)} %`,
    `at least ${FULL_PART * 100} %`,
  );
};

const tellAnswers = (status: string, figures: AnswerFigures): void => {
  const { count, reasons, p50Ms, p99Ms, slowestMs } = figures;
  const why = Object.entries(reasons).map(([reason, times]) => `${times} ${reason}`);
  console.log(
    `       ${status}: ${count}, p50 ${p50Ms.toFixed(1)}, p99 ${p99Ms.toFixed(1)}, slowest ` +
      `${slowestMs.toFixed(0)} ms ${why.join(', ')}`.trimEnd(),
  );
};

/** Whether each request had one of the `allowed` answers, and refusals were fast. */
export const judgeAnswers = (
  checks: Checks,
  { overload }: Measured,
  allowed: readonly string[],
): void => {
  for (const [status, figures] of Object.entries(overload.answers)) tellAnswers(status, figures);
  const others = Object.entries(overload.answers).filter(([status]) => !allowed.includes(status));
  const count = others.reduce((sum, [, figures]) => sum + figures.count, 0);
  const broken = tellTally(new Map(Object.entries(overload.failures)));
  checks.check(
    count === 0 && broken === 'none',
    'requests without an answer, or with another one',
    `${broken}; ${count}`,
    `none; only ${allowed.join(', ')}`,
  );
  checks.check(
    overload.withoutRetryAfter === 0,
    'refusals without Retry-After',
    overload.withoutRetryAfter,
    0,
  );
  const refused = overload.answers[429];
  const { p50Ms = Number.POSITIVE_INFINITY, p99Ms = Number.POSITIVE_INFINITY } = refused ?? {};
  checks.check(
    p50Ms <= REFUSAL_MAX_MS.p50 && p99Ms <= REFUSAL_MAX_MS.p99,
    'a refusal by 429 takes, p50 and p99 in ms',
    `${p50Ms.toFixed(1)} and ${p99Ms.toFixed(1)}`,
    `at most ${REFUSAL_MAX_MS.p50} and ${REFUSAL_MAX_MS.p99}`,
  );
};

/** Whether each acknowledged job was done, once, and no other was made. */
export const judgeJobs = (checks: Checks, measured: Measured): void => {
  const { acknowledged, stored, done, samples, overload, faults } = measured;
  const completed = acknowledged.filter((id) => stored.get(id) === 'COMPLETED').length;
  checks.check(
    completed === acknowledged.length && completed > 0,
    'acknowledged jobs that are COMPLETED',
    `${completed}; stored ${tellTally(tally(stored.values()))}`,
    `all ${acknowledged.length}`,
  );
  const once = new Set(done.map(({ id }) => id));
  checks.check(once.size === done.length, 'jobs run again', done.length - once.size, 0);
  const unknown = Object.entries(overload.answers[503]?.reasons ?? {})
    .filter(([reason]) => reason.startsWith('outcome_unknown'))
    .reduce((sum, [, count]) => sum + count, 0);
  const strangers = stored.size - new Set(acknowledged).size;
  checks.check(
    strangers <= unknown,
    'jobs made that nobody was told of',
    strangers,
    `at most ${unknown}, whose client heard that it is not known`,
  );
  const most = Math.max(...samples.map(({ waiting = 0 }) => waiting));
  checks.check(most <= MAX_QUEUED, 'jobs that waited at the most', most, `limit ${MAX_QUEUED}`);
  checks.check(faults.length === 0, 'invariants of the database broken', faults.length, 0);
  for (const sentence of faults) console.log(`       ${sentence.slice(0, 500)}`);
  const trouble = troubleIn(measured.logs);
  checks.check(trouble.length === 0, 'errors in the logs', trouble.length, 0);
  for (const line of trouble.slice(0, 5)) console.log(`       ${line.slice(0, 300)}`);
};
