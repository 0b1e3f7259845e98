import type { Contender } from './contender.ts';
import type { Servers } from './servers.ts';

/** What was read once, by name; the unit stands last in the name. */
export type Figures = Readonly<Record<string, number>>;

/** One of the things that a measure compares: a contender, or ours in another situation. */
export type Subject = {
  readonly name: string;
  readonly read: () => Promise<Figures>;
};

/** Thrown by a subject that cannot be read for a reason that is no failure. */
export class LeftOut extends Error {}

/** What a measure may use. */
export type Bench = {
  readonly servers: Servers;
  readonly isQuick: boolean;
  /** Those that were asked for. */
  readonly contenders: readonly Contender[];
  /**
   * Reads each subject in turn, and all of them once for each repetition, so that a machine that
   * becomes slower meanwhile does so for all. A reading that fails is told and counted.
   */
  readonly compare: (measure: string, subjects: readonly Subject[]) => Promise<void>;
};

/** One file of `measures/` each. */
export type Measure = {
  readonly name: string;
  /** What is read, on one line. */
  readonly about: string;
  readonly run: (bench: Bench) => Promise<void>;
};
