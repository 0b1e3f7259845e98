import type { Priority } from '@switchyard/contracts';

/** The order of a queue: returned jobs lead their own priority, and all high ones the low ones. */
export const RANK = {
  highReturned: 0,
  high: 1,
  lowReturned: 2,
  low: 3,
} as const;
export type Rank = (typeof RANK)[keyof typeof RANK];
export const RANKS: readonly Rank[] = [0, 1, 2, 3];

/** The rank that a job enters the queue with. */
export const rankOf = (priority: Priority): Rank => (priority === 'low' ? RANK.low : RANK.high);

/** The rank of a job that came back from a worker. */
export const returnedRank = (rank: Rank): Rank =>
  rank <= RANK.high ? RANK.highReturned : RANK.lowReturned;

/** The rank of a job that has waited long enough to count as high. */
export const escalatedRank = (rank: Rank): Rank =>
  rank === RANK.low ? RANK.high : rank === RANK.lowReturned ? RANK.highReturned : rank;

/** The priority that a rank stands for. */
export const priorityOf = (rank: Rank): Priority => (rank <= RANK.high ? 'high' : 'low');
