import { type Breach, type Given, groupBy, tell, wasBroken } from './breach.ts';
import { submittedAtOnce } from './order.ts';
import type { JobRow } from './tables.ts';

/** What was accepted so shortly before a claim may not have been there for it. */
const MARGIN_MS = 1_500;
/** After Postgres was healed, what held its rows is let go. */
const SETTLE_MS = 10_000;
/** Who claims of one endpoint at a time: a scheduler, and a supervisor that no scheduler hears. */
const CLAIMERS = 2;
/** Times are told in ms with fractions, which a sum may round. */
const ROUNDED_MS = 1;

/** A job's wait for its first claim, with the rank and the deadline that it came with. */
type Turn = {
  readonly job: string;
  readonly deadlineMs: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly isStarted: boolean;
};

/** How the jobs of one endpoint and priority kept their order. */
export type Line = {
  readonly name: string;
  /** How many jobs with later deadlines went before the one that most went before. */
  readonly passedBy: number;
  readonly job: string;
  /** What rivals may skip, since each has a batch of rows locked. */
  readonly allowed: number;
};

/** How each line of jobs kept to the nearest deadline first, then first come. */
export const measureLines = (given: Given): Line[] => {
  const { history, jobs, isClockSet = false } = given;
  if (isClockSet) return [];
  const atOnce = submittedAtOnce(history);
  const troubles = history.faults.filter(({ target }) => target.includes('postgres'));
  const endpoints = groupBy([...jobs.values()], ({ endpoint }) => endpoint);
  return [...endpoints].flatMap(([endpoint, own]) => {
    const allowed = CLAIMERS * largestBatch(own);
    const lines = groupBy(
      own.filter(({ id }) => atOnce.has(id)),
      ({ isLow }) => isLow,
    );
    return [...lines].map(([isLow, jobsOfLine]) => {
      const turns = jobsOfLine.flatMap(turnOf);
      const starts = turns.filter(({ isStarted }) => isStarted).sort((a, b) => a.toMs - b.toMs);
      const line = { name: `${endpoint}, ${isLow ? 'low' : 'high'}`, allowed };
      let worst = { passedBy: 0, job: '' };
      for (const turn of turns) {
        if (wasBroken(troubles, turn.fromMs, turn.toMs, SETTLE_MS)) continue;
        const passedBy = countPassing(turn, starts);
        if (passedBy > worst.passedBy) worst = { passedBy, job: turn.job };
      }
      return { ...line, ...worst };
    });
  });
};

/** The most jobs that one claim took: those that a statement starts have one time. */
const largestBatch = (own: readonly JobRow[]): number => {
  const starts = own.flatMap(({ events }) => events.filter(({ event }) => event === 'started'));
  const batches = [...groupBy(starts, ({ atMs }) => atMs).values()];
  return batches.reduce((most, { length }) => Math.max(most, length), 0);
};

const turnOf = ({ id, ttlMs, events }: JobRow): Turn[] => {
  const [accepted, next] = events;
  // What escalates gets to the head of another line.
  if (accepted === undefined || next?.event === 'escalated') return [];
  const fromMs = accepted.atMs;
  const deadlineMs = fromMs + ttlMs;
  const endMs = next?.atMs ?? Number.POSITIVE_INFINITY;
  const isStarted = next?.event === 'started';
  // Past its deadline nobody may claim it, and the sweep that ends it comes a moment later.
  const toMs = isStarted ? endMs : Math.min(deadlineMs, endMs);
  return [{ job: id, deadlineMs, fromMs, toMs, isStarted }];
};

/** `starts` in the order of their times. */
const countPassing = (turn: Turn, starts: readonly Turn[]): number => {
  let count = 0;
  for (let at = firstAfter(starts, turn.fromMs + MARGIN_MS); at < starts.length; at += 1) {
    const start = starts[at];
    if (start === undefined || start.toMs >= turn.toMs) break;
    if (start.deadlineMs > turn.deadlineMs + ROUNDED_MS) count += 1;
  }
  return count;
};

/** The place of the first start after `atMs`. */
const firstAfter = (starts: readonly Turn[], atMs: number): number => {
  let [from, to] = [0, starts.length];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if ((starts[middle]?.toMs ?? 0) > atMs) to = middle;
    else from = middle + 1;
  }
  return from;
};

/** Within a priority the nearest deadline goes first, but for what rivals have in hand. */
export const checkTurns = (given: Given): Breach[] =>
  tell(
    'the nearest deadline goes first, then who came first',
    measureLines(given).filter(({ passedBy, allowed }) => passedBy > allowed),
    ({ name, job, passedBy, allowed }) => `${name}: ${passedBy} before ${job}, of ${allowed}`,
  );
