import { readFileSync } from 'node:fs';
import type { Said } from '../start-program.ts';

/** What a program of this folder has of the bench that started it. It ends with the bench. */
export type Parent = {
  readonly say: (said: Said) => void;
  /** Resolves when the bench wants the report. */
  readonly asked: Promise<void>;
  /** Says the report and ends the process. */
  readonly report: (report: unknown) => void;
};

const COUNT_EVERY_MS = 5;

/** The bench that started this process. */
export const openParent = (): Parent => {
  const asked = Promise.withResolvers<void>();
  process.on('message', () => asked.resolve());
  process.on('disconnect', () => process.exit(0));
  const say = (said: Said): void => void process.send?.(JSON.stringify(said));
  return {
    say,
    asked: asked.promise,
    report: (report) => {
      process.send?.(JSON.stringify({ kind: 'report', report }), () => process.exit(0));
    },
  };
};

/** Counts jobs, and tells the bench how many when that has changed. */
export const countFor = (parent: Parent): (() => void) => {
  let count = 0;
  let told = 0;
  setInterval(() => {
    if (count === told) return;
    told = count;
    parent.say({ kind: 'count', count });
  }, COUNT_EVERY_MS);
  return () => {
    count += 1;
  };
};

/** What the bench wrote to this program's standard input. */
export const readPlan = <Plan>(): Plan => JSON.parse(readFileSync(0, 'utf8'));
