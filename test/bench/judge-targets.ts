import { brief, median, type Spread, spreadOf, tellSpread } from './figures.ts';
import { type Reading, valuesOf } from './readings.ts';
import { columns } from './table.ts';
import type { Mark, Target } from './targets.ts';

type Judged = {
  readonly target: Target;
  readonly other: string;
  readonly ratio: Spread;
  readonly isReached: boolean;
};

const read = (readings: readonly Reading[], { measure, subject, figure }: Mark) =>
  valuesOf(readings, measure, subject, figure);

/** The mark of `others` whose median is the best; undefined when none was read. */
const bestOf = (readings: readonly Reading[], { others, better }: Target): Mark | undefined => {
  const sign = better === 'more' ? -1 : 1;
  return others
    .map((mark) => ({ mark, middle: median([...read(readings, mark).values()]) }))
    .filter(({ middle }) => Number.isFinite(middle))
    .sort((a, b) => sign * (a.middle - b.middle))[0]?.mark;
};

/** Repetition by repetition, since the machine drifts between them. */
const ratiosOf = (readings: readonly Reading[], ours: Mark, other: Mark | undefined): number[] => {
  const mine = read(readings, ours);
  if (other === undefined) return [...mine.values()];
  const theirs = read(readings, other);
  return [...mine].flatMap(([repetition, value]) => {
    const against = theirs.get(repetition);
    return against === undefined ? [] : [value / against];
  });
};

const judge = (readings: readonly Reading[], target: Target): Judged | undefined => {
  const other = bestOf(readings, target);
  if (other === undefined && target.others.length > 0) return undefined;
  const ratios = ratiosOf(readings, target.ours, other);
  if (ratios.length === 0) return undefined;
  const ratio = spreadOf(ratios);
  const isReached =
    target.better === 'more' ? ratio.median >= target.bound : ratio.median <= target.bound;
  return { target, other: other?.subject ?? 'itself', ratio, isReached };
};

/** What this run can judge of `targets`. */
export const judgeTargets = (readings: readonly Reading[], targets: readonly Target[]): Judged[] =>
  targets.flatMap((target) => judge(readings, target) ?? []);

/** One table of the targets that this run can judge. */
export const tellTargets = (readings: readonly Reading[], targets: readonly Target[]): string => {
  const judged = judgeTargets(readings, targets);
  const sign = (target: Target): string => (target.better === 'more' ? '≥' : '≤');
  const rows = judged.map(({ target, other, ratio, isReached }) => [
    target.name,
    other,
    `${tellSpread(ratio)}${target.others.length > 0 ? ' ×' : ''}`,
    `${sign(target)} ${brief(target.bound)}`,
    target.aim === undefined ? '' : `${sign(target)} ${brief(target.aim)}`,
    isReached ? 'reached' : 'MISSED',
  ]);
  const reached = judged.filter(({ isReached }) => isReached).length;
  const head = ['target', 'against', 'measured', 'bound', 'aim', ''];
  return `${columns([head, ...rows])}\n${reached} of ${judged.length} judged targets reached`;
};
