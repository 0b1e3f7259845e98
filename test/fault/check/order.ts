import { STATE_AFTER } from '@switchyard/lifecycle';
import type { History, Operation } from '../history.ts';
import { type Breach, type Given, groupBy, tell, wasBroken } from './breach.ts';
import type { EventRow, JobRow } from './tables.ts';

/** What a rival has locked at the very moment is passed over; it is free again by then. */
const MARGIN_MS = 1_500;
/** After something was healed, the first claims find what they find. */
const SETTLE_MS = 10_000;

type Wait = { readonly job: JobRow; readonly fromMs: number; readonly toMs: number };

/** When a job that had never been claimed since waited as a high one. */
const highWaits = (job: JobRow): Wait[] => {
  let isHigh = !job.isLow;
  let isFresh = true;
  return job.events.flatMap((event, at) => {
    if (event.event === 'retried') isHigh = !job.isLow;
    if (event.event === 'escalated') isHigh = true;
    if (event.event === 'started') isFresh = false;
    if (STATE_AFTER[event.event] !== 'IN_QUEUE' || !isHigh || !isFresh) return [];
    return [
      { job, fromMs: event.atMs, toMs: job.events[at + 1]?.atMs ?? Number.POSITIVE_INFINITY },
    ];
  });
};

/** The starts of a job while it was low. */
const lowStarts = (job: JobRow): EventRow[] => {
  let isHigh = !job.isLow;
  return job.events.filter(({ event }) => {
    if (event === 'retried') isHigh = !job.isLow;
    if (event === 'escalated') isHigh = true;
    return event === 'started' && !isHigh;
  });
};

/** The jobs of which clients know that nothing but a worker is waited for. */
export const submittedAtOnce = ({ operations }: History): ReadonlySet<string> => {
  const idsOf = (chosen: readonly Operation[]): string[] =>
    chosen.flatMap(({ jobId }) => (jobId === undefined ? [] : [jobId]));
  const delayed = new Set(idsOf(operations.filter(({ startAtMs }) => startAtMs !== undefined)));
  return new Set(idsOf(operations).filter((id) => !delayed.has(id)));
};

/** No low job starts while a high one of its endpoint waits, which might have had its place. */
export const checkOrder = ({ history, jobs, isClockSet = false }: Given): Breach[] => {
  if (isClockSet) return [];
  const atOnce = submittedAtOnce(history);
  const endpoints = groupBy([...jobs.values()], ({ endpoint }) => endpoint);
  const jumped = [...endpoints.values()].flatMap((own) => {
    const waits = own
      .filter(({ id }) => atOnce.has(id))
      .flatMap(highWaits)
      .filter(({ fromMs, toMs }) => toMs - fromMs > 2 * MARGIN_MS);
    return own.flatMap(lowStarts).flatMap((start) => {
      if (wasBroken(history.faults, start.atMs - MARGIN_MS, start.atMs, SETTLE_MS)) return [];
      const passed = waits.find(
        ({ fromMs, toMs }) => fromMs < start.atMs - MARGIN_MS && toMs > start.atMs + MARGIN_MS,
      );
      return passed === undefined ? [] : [`${start.job} before ${passed.job.id}`];
    });
  });
  const never = [...jobs.values()].filter(({ events }) => {
    const escalated = events.filter(({ event }) => event === 'escalated').length;
    const lives = 1 + events.filter(({ event }) => event === 'retried').length;
    return escalated > lives;
  });
  return [
    ...tell('a low job waits while a high one does', jumped, (what) => what),
    ...tell('a job escalates once', never, ({ id }) => id),
  ];
};
