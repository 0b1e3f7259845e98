import { isTerminal, STATE_AFTER } from '@switchyard/lifecycle';
import { type Breach, type Given, groupBy, tell, wasBroken } from './breach.ts';
import type { JobRow } from './tables.ts';

/** A lease gives back whole ms of what was left, so that each claim may add one. */
const ROUNDED_MS = 1;
/** From the end of the executionTimeout to TIMED_OUT, and of a ttl to its end. */
const GRACE_MS = 10_000;

/** How long a job had waited at each start, since it was accepted or retried last. */
const waitsOf = ({ events }: JobRow): { seq: number; waitedMs: number; starts: number }[] => {
  const waits: { seq: number; waitedMs: number; starts: number }[] = [];
  let [waitedMs, sinceMs, starts] = [0, 0, 0];
  for (const { seq, event, atMs } of events) {
    if (event === 'accepted' || event === 'retried') [waitedMs, starts, sinceMs] = [0, 0, atMs];
    if (event === 'requeued') sinceMs = atMs;
    if (event !== 'started') continue;
    waitedMs += atMs - sinceMs;
    starts += 1;
    waits.push({ seq, waitedMs, starts });
  }
  return waits;
};

/** No job starts after its deadline, and none runs or waits on after it by much. */
export const checkTimes = ({ history, jobs, isClockSet = false }: Given): Breach[] => {
  if (isClockSet) return [];
  const all = [...jobs.values()];
  const submits = groupBy(history.operations, ({ jobId, kind }) =>
    kind === 'submit' ? jobId : undefined,
  );
  const late = all.filter((job) => {
    // Until its start time, a job waits for nobody.
    const isDelayed = submits.get(job.id)?.some(({ startAtMs }) => startAtMs !== undefined);
    if (isDelayed || !submits.has(job.id)) return false;
    return waitsOf(job).some((wait) => wait.waitedMs > job.ttlMs + wait.starts * ROUNDED_MS);
  });
  const overrun = all.filter(({ events, executionTimeoutMs }) =>
    events.some(({ event, atMs }, at) => {
      const next = events[at + 1];
      if (event !== 'started' || next === undefined) return false;
      const allowedMs = executionTimeoutMs + GRACE_MS;
      return next.atMs - atMs > allowedMs && !wasBroken(history.faults, atMs, next.atMs, GRACE_MS);
    }),
  );
  const early = all.filter((job) => {
    const end = job.events.find(({ reason }) => reason === 'ttl');
    const since = job.events.findLast(
      ({ event, seq }) => seq < (end?.seq ?? 0) && (event === 'accepted' || event === 'retried'),
    );
    if (end === undefined || since === undefined) return false;
    return end.atMs - since.atMs < job.ttlMs;
  });
  const backwards = all.filter(({ events }) =>
    events.some(({ atMs }, at) => atMs < (events[at - 1]?.atMs ?? 0) - GRACE_MS),
  );
  const onTheWay = history.faults.filter(({ target }) => /worker|gateway/.test(target));
  const runsAfter = history.runs.filter(({ jobId, atMs }) => {
    const events = jobs.get(jobId)?.events ?? [];
    const last = events.findLast((one) => one.atMs <= atMs);
    if (last === undefined || !isTerminal(STATE_AFTER[last.event])) return false;
    // What was on its way to its worker when it was cancelled may still come there, however long
    // that worker, or the gateway, then stood still.
    return last.atMs < atMs - GRACE_MS && !wasBroken(onTheWay, last.atMs, atMs, GRACE_MS);
  });
  return [
    ...tell('no job starts after its deadline', late, ({ id }) => id),
    ...tell('no ttl ends before its time', early, ({ id }) => id),
    ...tell('no job runs on after its executionTimeout', overrun, ({ id }) => id),
    ...tell('the events of a job follow one another in time', backwards, ({ id }) => id),
    ...tell('a job that has ended is not run', runsAfter, ({ jobId }) => jobId),
  ];
};
