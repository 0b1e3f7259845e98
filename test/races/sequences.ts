/** The lifecycle as a pure model beside the statements on a real database, over drawn sequences. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { TestStore } from '../support/store.ts';
import { type Ground, lookAt, openGround } from './ground.ts';
import { describeJob } from './model.ts';
import { perform } from './perform.ts';
import type { Model, Real } from './sequences/both.ts';
import { anyCommand } from './sequences/commands.ts';

const COMMANDS_MAX = 100;
/** Sequences of one seed: a failure is told with the seed that draws it again. */
const SEQUENCES = 20;

export type Sequences = {
  readonly operations: number;
  readonly sequences: number;
  /** How many seeds were drawn from. */
  readonly seeds: number;
  /** How often each kind of operation was done. */
  readonly kinds: ReadonlyMap<string, number>;
  /** The shortest sequence that was found to break a rule, with its seed; undefined for none. */
  readonly failure: string | undefined;
};

/** Draws sequences, one seed after the other, until so many operations were done or one failed. */
export const runSequences = async (
  database: TestStore,
  { operations, seed }: { readonly operations: number; readonly seed: number },
): Promise<Sequences> => {
  const kinds = new Map<string, number>();
  let done = 0;
  let sequences = 0;
  const count = (kind: string): void => {
    done += 1;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  };
  const property = fc.asyncProperty(
    fc.commands([...anyCommand], { maxCommands: COMMANDS_MAX, size: 'max' }),
    async (commands) => {
      sequences += 1;
      const ground = await openGround(database);
      const model: Model = { nowMs: 0, jobs: [] };
      const real: Real = { ground, jobIds: [], count };
      try {
        await fc.asyncModelRun(() => ({ model, real }), commands);
        await compare(model, real);
      } finally {
        await clear(ground, real);
      }
    },
  );
  let seeds = 0;
  let failure: string | undefined;
  while (done < operations && failure === undefined) {
    const result = await fc.check(property, { seed: seed + seeds, numRuns: SEQUENCES });
    if (result.failed) failure = fc.defaultReportMessage(result);
    seeds += 1;
  }
  return { operations: done, sequences, seeds, kinds, failure };
};

/** Whether the database shows each job as the model has it. */
const compare = async ({ jobs }: Model, { ground, jobIds }: Real): Promise<void> => {
  const seen = await lookAt(ground, jobIds);
  assert.deepEqual(
    jobIds.map((jobId) => seen.get(jobId)),
    jobs.map(describeJob),
  );
};

/** Ends what is left, so that nothing waits for a sweep that does not come. */
const clear = async (ground: Ground, { jobIds }: Real): Promise<void> => {
  await perform(ground, { kind: 'cancel' }, jobIds);
};
