/** What may come of two acts that meet at a job: what they would have made of it in some order. */
import type { Act } from './acts.ts';
import { SETTINGS } from './ground.ts';
import { change, describeJob, type Job } from './model.ts';

/** Which of the two acts a job shows, and has been told of. */
export type Outcome = {
  readonly job: string;
  readonly first: boolean;
  readonly second: boolean;
};

/** A pair of acts at a job, with the times at which each may happen. */
export type Meeting = {
  readonly job: Job;
  readonly first: Act;
  readonly second: Act;
  readonly moments: readonly number[];
};

/** Acts that leave rows alone which somebody has locked: they come again. */
const SKIPPING: ReadonlySet<Act['kind']> = new Set([
  ...(['claim', 'expire', 'overrun', 'escalate', 'start', 'retire'] as const),
]);

/** Whether a rival that makes `after` of `before` may hide the job from `act`. */
const mayMiss = (act: Act, before: Job, after: Job): boolean => {
  if (before === after) return false;
  // It looks at each place once, and intake calls it again while a job is in motion.
  if (act.kind === 'cancel') return placeOf(before) !== placeOf(after);
  return SKIPPING.has(act.kind);
};

const placeOf = (job: Job): string => (job.isDelayed ? 'delayed' : job.state);

type Turn = { readonly act: Act; readonly atMs: number };

const inTurn = (job: Job, one: Turn, other: Turn) => {
  const between = change(job, one.act, one.atMs, SETTINGS);
  const after = change(between, other.act, other.atMs, SETTINGS);
  return { between, after, changed: between !== job, otherChanged: after !== between };
};

/** All that may come of it when both end well. */
export const outcomesOf = ({ job, first, second, moments }: Meeting): Outcome[] => {
  const found: Outcome[] = [];
  for (const firstMs of moments) {
    for (const secondMs of moments) {
      const one = { act: first, atMs: firstMs };
      const two = { act: second, atMs: secondMs };
      const forth = inTurn(job, one, two);
      const back = inTurn(job, two, one);
      found.push(
        { job: describeJob(forth.after), first: forth.changed, second: forth.otherChanged },
        { job: describeJob(back.after), first: back.otherChanged, second: back.changed },
      );
      if (mayMiss(second, job, forth.between)) {
        found.push({ job: describeJob(forth.between), first: forth.changed, second: false });
      }
      if (mayMiss(first, job, back.between)) {
        found.push({ job: describeJob(back.between), first: false, second: back.changed });
      }
    }
  }
  return found;
};

/** All that may come of it when the first act is undone after the second one has met it. */
export const outcomesWithout = ({ job, first, second, moments }: Meeting): Outcome[] =>
  moments.flatMap((atMs) => {
    const alone = change(job, second, atMs, SETTINGS);
    const taken = moments.map((firstMs) => change(job, first, firstMs, SETTINGS));
    const isMissed = SKIPPING.has(second.kind) && taken.some((after) => after !== job);
    return [
      { job: describeJob(alone), first: false, second: alone !== job },
      ...(isMissed ? [{ job: describeJob(job), first: false, second: false }] : []),
    ];
  });

/** Whether either of the acts can change the job at all. */
export const canMove = (job: Job, act: Act, moments: readonly number[]): boolean =>
  moments.some((atMs) => change(job, act, atMs, SETTINGS) !== job);

/** An outcome as a sentence. */
export const describeOutcome = ({ job, first, second }: Outcome): string => {
  const movers = [...(first ? ['the first'] : []), ...(second ? ['the second'] : [])];
  return `${job}; moved by ${movers.join(' and ') || 'neither'}`;
};
