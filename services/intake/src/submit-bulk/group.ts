import { type Problem, problemBody, type StartAfter } from '@switchyard/contracts';
import type { NewJob } from '@switchyard/store';

/** Lines that are stored together. The parts go by place: one entry each for a line, in order. */
export type Group = {
  /** What a line became: a job to store, or its answer already. */
  readonly items: (NewJob | string)[];
  /** Which line of the body it is, counted from 1. */
  readonly numbers: number[];
  /** The start times that are still to be checked, of which most groups have none. */
  readonly starts: { readonly place: number; readonly startAfter: StartAfter }[];
  bytes: number;
};

/** A group without a line. */
export const newGroup = (): Group => ({ items: [], numbers: [], starts: [], bytes: 0 });

/** The answer to a line, or with `rest` to all lines from there on, that became no job. */
export const answerProblemLine = (line: number, problem: Problem, rest = false): string => {
  const { retryAfterSeconds } = problem;
  return `${JSON.stringify({
    line,
    ...(rest ? { rest } : {}),
    ...problemBody(problem),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })}\n`;
};
