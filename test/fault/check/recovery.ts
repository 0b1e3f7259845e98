import { STATE_AFTER } from '@switchyard/lifecycle';
import { type Breach, type Given, tell } from './breach.ts';
import { submittedAtOnce } from './order.ts';
import type { JobRow } from './tables.ts';

const FIRST_CLAIM_MAX_MS = 5_000;
/** What more than its share of the load's own rate a backlog may take. */
const DRAIN_PART = 1.2;

export type Recovery = {
  /** From when a job waited for a worker, and all was healed, to the next claim. */
  readonly firstClaimMs: number;
  /** How many jobs waited when all was healed, which none that came later may overtake. */
  readonly backlog: number;
  /** Until the last of them had left the queue. */
  readonly drainMs: number;
};

type Wait = { readonly fromMs: number; readonly toMs: number; readonly isHigh: boolean };

/** When a job waited in the queue; what was asked to begin later is not looked at. */
const waitsOf = (job: JobRow): Wait[] => {
  let isHigh = !job.isLow;
  return job.events.flatMap(({ event, atMs }, at) => {
    if (event === 'retried') isHigh = !job.isLow;
    if (event === 'escalated') isHigh = true;
    if (STATE_AFTER[event] !== 'IN_QUEUE') return [];
    return [{ isHigh, fromMs: atMs, toMs: job.events[at + 1]?.atMs ?? Number.POSITIVE_INFINITY }];
  });
};

/** How claims came back after the last healing; undefined where nothing was broken, or waited. */
export const measureRecovery = (given: Given): Recovery | undefined => {
  const { history, jobs, isClockSet = false } = given;
  if (isClockSet || history.faults.length === 0) return undefined;
  const healedAtMs = history.faults.reduce((last, one) => Math.max(last, one.endedAtMs), 0);
  const atOnce = submittedAtOnce(history);
  const all = [...jobs.values()];
  const starts = all.flatMap(({ endpoint, events }) =>
    events.filter(({ event }) => event === 'started').map(({ atMs }) => ({ endpoint, atMs })),
  );
  const served = new Set(starts.map(({ endpoint }) => endpoint));
  const waits = all
    .filter(({ id, endpoint }) => served.has(endpoint) && atOnce.has(id))
    .flatMap(waitsOf)
    .filter(({ toMs }) => toMs > healedAtMs);
  if (waits.length === 0) return undefined;
  const firstMs = waits.reduce((least, one) => Math.min(least, one.fromMs), Infinity);
  const waitingMs = Math.max(healedAtMs, firstMs);
  // Where no claim follows, whoever waited may have been cancelled.
  const lastMs = waits.reduce((last, one) => Math.max(last, one.toMs), 0);
  const claimMs = starts
    .filter(({ atMs }) => atMs >= waitingMs)
    .reduce((least, { atMs }) => Math.min(least, atMs), lastMs);
  const left = waits.filter(({ fromMs, isHigh }) => isHigh && fromMs <= healedAtMs);
  return {
    firstClaimMs: claimMs - waitingMs,
    backlog: left.length,
    drainMs: left.reduce((most, { toMs }) => Math.max(most, toMs - healedAtMs), 0),
  };
};

/**
 * Once all is healed claims flow again, and what had piled up goes at no less than the rate of the
 * load, which the system kept up with. Low jobs are left out: high ones that come later go before
 * them.
 */
export const checkRecovery = (given: Given): Breach[] => {
  const recovery = measureRecovery(given);
  const { perSecond } = given;
  if (recovery === undefined) return [];
  const { firstClaimMs, backlog, drainMs } = recovery;
  const late = firstClaimMs > FIRST_CLAIM_MAX_MS ? [firstClaimMs] : [];
  const allowedMs =
    perSecond === undefined
      ? Infinity
      : FIRST_CLAIM_MAX_MS + (DRAIN_PART * 1_000 * backlog) / perSecond;
  const slow = drainMs > allowedMs ? [drainMs] : [];
  return [
    ...tell('claims flow within 5 s of the last healing', late, (ms) => `${ms.toFixed(0)} ms`),
    ...tell(
      'a backlog goes at the rate of the load at least',
      slow,
      (ms) => `${backlog} jobs took ${ms.toFixed(0)} ms of ${allowedMs.toFixed(0)}`,
    ),
  ];
};
