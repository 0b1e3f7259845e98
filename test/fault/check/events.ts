import type { SeenEvent } from '../history.ts';
import { type Breach, type Given, groupBy, tell, wasBroken } from './breach.ts';
import type { EventRow } from './tables.ts';

/** What was published and not yet consumed goes with a broker's store. */
const WIPED_BEFORE_MS = 60_000;
const SETTLE_MS = 30_000;

/** A consumer outside gets every event that is, none that is not, and those of a job in order. */
export const checkEvents = ({ history, jobs, isClockSet = false }: Given): Breach[] => {
  const { events: seen, faults } = history;
  if (seen.length === 0) return [];
  const wipes = faults.filter(({ kind }) => kind.includes('wipe'));
  const isForgiven = (atMs: number): boolean =>
    wasBroken(wipes, atMs, atMs + WIPED_BEFORE_MS, SETTLE_MS);
  const keyOf = (job: string, sequence: number): string => `${job} ${sequence}`;
  const heardAt = new Map(
    seen.toReversed().map((one) => [keyOf(one.jobId, one.sequence), one.atMs]),
  );
  const all = [...jobs.values()].flatMap(({ events }) => events);
  const missing = unheard(all, ({ job, seq }) => heardAt.get(keyOf(job, seq))).filter(
    ({ fromMs, toMs }) => !wasBroken(wipes, fromMs, toMs, SETTLE_MS),
  );

  const real = new Map(all.map((one) => [keyOf(one.job, one.seq), one]));
  const invented = seen.filter(({ jobId, sequence, event }) => {
    return real.get(keyOf(jobId, sequence))?.event !== event;
  });
  const early = isClockSet
    ? []
    : seen.filter(({ jobId, sequence, atMs }) => {
        return atMs < Math.floor(real.get(keyOf(jobId, sequence))?.atMs ?? 0);
      });
  const ids = groupBy(seen, ({ id }) => id);
  const shared = [...ids].filter(
    ([, same]) => new Set(same.map(({ jobId, sequence }) => keyOf(jobId, sequence))).size > 1,
  );
  const renamed = [...groupBy(seen, ({ jobId, sequence }) => keyOf(jobId, sequence))].filter(
    ([, same]) => new Set(same.map(({ id }) => id)).size > 1,
  );
  const disordered = [...groupBy(seen, ({ jobId }) => jobId)].filter(([, own]) => {
    if (own.some(({ atMs }) => isForgiven(atMs))) return false;
    return firstArrivals(own).some((sequence, at, order) => sequence < (order[at - 1] ?? 0));
  });
  const name = ({ jobId, sequence, event }: SeenEvent): string => `${jobId} ${sequence} ${event}`;
  return [
    ...tell(
      'every event comes to a consumer',
      missing,
      ({ one }) => `${one.job} ${one.seq} ${one.event}`,
    ),
    ...tell('an event that comes is in the log', invented, name),
    ...tell('an event comes after it happened', early, name),
    ...tell('an event id names one event', shared, ([id]) => id),
    ...tell('an event has one id', renamed, ([event]) => event),
    ...tell('the events of a job come in their order', disordered, ([job]) => job),
  ];
};

type Unheard = { readonly one: EventRow; readonly fromMs: number; readonly toMs: number };

/**
 * Events that nobody heard, and between which moments they were to be heard: those of the last
 * before and the first after that somebody did. When they happened does not tell, since they may
 * be published minutes later, nor does a database whose clock was set.
 */
const unheard = (
  all: readonly EventRow[],
  heardAtMs: (event: EventRow) => number | undefined,
): Unheard[] => {
  const found: Unheard[] = [];
  let open: EventRow[] = [];
  let lastMs = Number.NEGATIVE_INFINITY;
  const close = (atMs: number): void => {
    const [fromMs, toMs] = [Math.min(lastMs, atMs), Math.max(lastMs, atMs)];
    found.push(...open.map((one) => ({ one, fromMs, toMs })));
    open = [];
    lastMs = atMs;
  };
  for (const one of all.toSorted((a, b) => a.place - b.place)) {
    const atMs = heardAtMs(one);
    if (atMs === undefined) open.push(one);
    else close(atMs);
  }
  close(Number.POSITIVE_INFINITY);
  return found;
};

/** The sequence numbers in the order in which each came for the first time. */
const firstArrivals = (own: readonly SeenEvent[]): number[] => [
  ...new Set(own.map(({ sequence }) => sequence)),
];
