import { createWriteStream, mkdirSync } from 'node:fs';
import path from 'node:path';
import { REPOSITORY } from '../support/start-switchyard.ts';
import type { Figures } from './measure.ts';

/** One subject, read once. */
export type Reading = {
  readonly measure: string;
  readonly subject: string;
  readonly repetition: number;
  readonly figures: Figures;
};

export type Failure = Omit<Reading, 'figures'> & { readonly failure: string };

/** What a run has read so far, each line of it in a file too. */
export type Readings = AsyncDisposable & {
  readonly file: string;
  readonly all: () => readonly Reading[];
  readonly failures: () => readonly Failure[];
  readonly add: (reading: Reading | Failure) => void;
  readonly note: (line: object) => void;
};

/** The folder for results of runs, which git ignores. @returns its path. */
export const makeResultsFolder = (): string => {
  const folder = path.join(REPOSITORY, 'test/results');
  mkdirSync(folder, { recursive: true });
  return folder;
};

/** A run's readings go to a file of its own, one JSON line each. */
export const openReadings = (): Readings => {
  const moment = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const file = path.join(makeResultsFolder(), `bench-${moment}.jsonl`);
  const stream = createWriteStream(file);
  const all: Reading[] = [];
  const failures: Failure[] = [];
  const note = (line: object): void => void stream.write(`${JSON.stringify(line)}\n`);
  return {
    file,
    all: () => all,
    failures: () => failures,
    note,
    add: (reading) => {
      if ('figures' in reading) all.push(reading);
      else failures.push(reading);
      note(reading);
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => stream.end(resolve)),
  };
};

/** The values of one figure of one subject, by repetition. */
export const valuesOf = (
  readings: readonly Reading[],
  measure: string,
  subject: string,
  figure: string,
): ReadonlyMap<number, number> =>
  new Map(
    readings
      .filter((one) => one.measure === measure && one.subject === subject)
      .flatMap(({ repetition, figures }) => {
        const value = figures[figure];
        return value === undefined ? [] : [[repetition, value] as const];
      }),
  );
