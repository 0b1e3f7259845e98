/** One endpoint as the model and as the database has it, and acts that are done to both. */
import assert from 'node:assert/strict';
import type { JobId } from '@switchyard/contracts';
import { isTerminal } from '@switchyard/lifecycle';
import type { AsyncCommand } from 'fast-check';
import type { Act } from '../acts.ts';
import { type Ground, SETTINGS } from '../ground.ts';
import { change, type Job } from '../model.ts';
import { perform } from '../perform.ts';

/** What the lifecycle says of an endpoint; jobs are in the order of their accepts. */
export type Model = { nowMs: number; jobs: Job[] };
export type Real = {
  readonly ground: Ground;
  readonly jobIds: JobId[];
  readonly count: (kind: string) => void;
};
export type Command = AsyncCommand<Model, Real>;

/** Where the kind of a command ends in its name. */
const KIND_END = /[ (]/;

/** A command named `name`; most are of no use before a job was accepted. */
export const command = (
  name: string,
  run: (model: Model, real: Real) => Promise<void>,
  needsJobs = true,
): Command => ({
  check: ({ jobs }) => !needsJobs || jobs.length > 0,
  run: async (model, real) => {
    real.count(name.split(KIND_END, 1)[0] ?? name);
    await run(model, real);
  },
  toString: () => name,
});

/** Does `act` to the jobs at these places, and to any other that a sweep finds. */
export const act = async (
  model: Model,
  { ground, jobIds }: Real,
  what: Act,
  places: readonly number[],
): Promise<void> => {
  const isAddressed = ADDRESSED.has(what.kind);
  const expected = new Set<JobId>();
  const named: JobId[] = [];
  const after = model.jobs.map((job, place) => {
    const jobId = jobIds[place] ?? assert.fail('each job of the model is one of the database');
    if (places.includes(place)) named.push(jobId);
    else if (isAddressed) return job;
    const changed = change(job, what, model.nowMs, SETTINGS);
    if (changed !== job) expected.add(jobId);
    return changed;
  });
  const told = await perform(ground, what, named);
  if (typeof told === 'number') assert.equal(told, expected.size);
  else assert.deepEqual(told, expected);
  model.jobs = after;
};

/** The acts that name their jobs; the others take what they find. */
const ADDRESSED: ReadonlySet<Act['kind']> = new Set([
  ...(['finish', 'chunk', 'lose', 'cancel', 'retry'] as const),
]);

/** Which job is meant: the n-th of those in such a state, or of all where there is none. */
export type Pick = { readonly among: 'queued' | 'running' | 'ended' | 'any'; readonly n: number };

const AMONG: Readonly<Record<Pick['among'], (job: Job) => boolean>> = {
  queued: ({ state }) => state === 'IN_QUEUE',
  running: ({ state }) => state === 'IN_PROGRESS',
  ended: ({ state }) => isTerminal(state),
  any: () => true,
};

/** Where the job stands that `pick` means. */
export const placeOf = ({ jobs }: Model, { among, n }: Pick): number => {
  const places = [...jobs.keys()];
  const fitting = places.filter((place) => {
    const job = jobs[place];
    return job !== undefined && AMONG[among](job);
  });
  const from = fitting.length > 0 ? fitting : places;
  return from[n % from.length] ?? assert.fail('there are jobs');
};

/** What the model has at a place. */
export const jobAt = ({ jobs }: Model, place: number): Job =>
  jobs[place] ?? assert.fail('it is there');

/**
 * Claims up to `seats` jobs. Which of several of one rank and deadline go first is left to the
 * database, to which these differ by what the test took.
 */
export const claimSome = async (
  model: Model,
  { ground, jobIds }: Real,
  claim: Extract<Act, { kind: 'claim' }>,
  seats: number,
): Promise<void> => {
  const claimed = model.jobs.map((job) => change(job, claim, model.nowMs, SETTINGS));
  const due = [...claimed.keys()].filter((place) => claimed[place] !== model.jobs[place]);
  const told = await perform(ground, claim, Array<JobId>(seats).fill(jobIds[0] ?? assert.fail()));
  assert(typeof told === 'object');
  const taken = [...told].map((jobId) => jobIds.indexOf(jobId));
  assert.equal(taken.length, Math.min(seats, due.length), 'as many as there are seats and jobs');
  assert(
    taken.every((place) => due.includes(place)),
    'each of them was due',
  );
  const left = due.filter((place) => !taken.includes(place));
  for (const first of taken) {
    for (const later of left) assert(!isBefore(jobAt(model, later), jobAt(model, first)), 'order');
  }
  model.jobs = model.jobs.map((job, place) =>
    taken.includes(place) ? (claimed[place] ?? job) : job,
  );
};

const isBefore = (one: Job, other: Job): boolean =>
  one.rank === other.rank ? one.deadlineMs < other.deadlineMs : one.rank < other.rank;
