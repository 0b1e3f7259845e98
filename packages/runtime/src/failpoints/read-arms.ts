import { appendFileSync, readFileSync } from 'node:fs';
import type { Armed } from './armed.ts';
import { parseArmed } from './parse-armed.ts';

export type Arms = {
  /** Counts a pass of the point. @returns what strikes at this one. */
  readonly strike: (point: string) => Armed | undefined;
};

/** Arms that this process alone counts. */
export const createTally = (armed: readonly Armed[]): Arms => {
  const passes = new Map<string, number>();
  return {
    strike: (point) => {
      const pass = (passes.get(point) ?? 0) + 1;
      passes.set(point, pass);
      return armed.find((one) => one.point === point && (one.at === 'all' || one.at === pass));
    },
  };
};

/** The arms in `file`, which may change at any time. */
export const openArms = (file: string): Arms => {
  const hits = `${file}.hits`;
  let text = '';
  let tally = createTally([]);
  return {
    strike: (point) => {
      const now = read(file);
      if (now !== text) {
        text = now;
        tally = createTally(parseArmed(text));
      }
      const armed = tally.strike(point);
      if (armed === undefined) return undefined;
      const line = `${point}=${armed.mode}`;
      if (armed.at !== 'all' && read(hits).split('\n').includes(line)) return undefined;
      appendFileSync(hits, `${line}\n`);
      return armed;
    },
  };
};

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Nothing is armed yet.
    return '';
  }
};
