/** Acts that are sent at once by two sessions, to many jobs of one stand. */
import type { JobId } from '@switchyard/contracts';
import { type Store, StoreUnavailable } from '@switchyard/store';
import type { TestStore } from '../support/store.ts';
import { ACT_NAMES, type Act, type ActName } from './acts.ts';
import { actsOn } from './acts-on.ts';
import { type Ground, lookAt, openGround } from './ground.ts';
import {
  canMove,
  describeOutcome,
  type Meeting,
  type Outcome,
  outcomesOf,
  outcomesWithout,
} from './outcomes.ts';
import { perform, type Told } from './perform.ts';
import { bring, modelOf, momentsOf, STANDS, type Stand } from './stands.ts';

/** Two acts of which each can move a job of this stand. */
export type Rivalry = { readonly stand: Stand; readonly one: ActName; readonly other: ActName };

/** Who moved how many of the jobs. */
export type Tally = {
  readonly races: number;
  readonly one: number;
  readonly other: number;
  readonly both: number;
  readonly neither: number;
  /** Statements that Postgres ended because the two waited for each other. */
  readonly deadlocks: number;
  readonly faults: readonly string[];
};

/** What is raced besides, where one of the two may not move the job, or only behind the other. */
const REFUSED: readonly (readonly [stand: string, one: ActName, other: ActName])[] = [
  ['queued', 'claim', 'complete'],
  ['queued again', 'claim', 'completeLate'],
  ['queued again', 'claim', 'loseLate'],
  ['running', 'handBack', 'completeForeign'],
  ['running again, too long', 'complete', 'completeLate'],
  ['running again, too long', 'recover', 'loseLate'],
  ['running', 'fail', 'retry'],
];

/** Each pair of acts that can meet, once, at the first stand where each of them can move a job. */
export const listRivalries = (): Rivalry[] => {
  const found = new Map<string, Rivalry>();
  const add = (stand: Stand, one: ActName, other: ActName): void => {
    if (!found.has(`${one} ${other}`)) found.set(`${one} ${other}`, { stand, one, other });
  };
  for (const stand of STANDS) {
    const movers = moversOf(stand);
    for (const [at, one] of movers.entries()) {
      for (const other of movers.slice(at)) add(stand, one, other);
    }
    for (const [name, one, other] of REFUSED) if (name === stand.name) add(stand, one, other);
  }
  return [...found.values()];
};

const moversOf = (stand: Stand): ActName[] => {
  const { job, nowMs } = modelOf(stand);
  const acts = actsOn(job);
  return ACT_NAMES.filter((name) => canMove(job, acts[name], momentsOf(stand, nowMs)));
};

type Answer = { readonly told: Told; readonly isDeadlock: boolean };

const NOBODY: ReadonlySet<JobId> = new Set();

/** Performs; one of two that wait for each other is ended by Postgres, and has changed nothing. */
const attempt = async (ground: Ground, act: Act, jobIds: readonly JobId[]): Promise<Answer> => {
  try {
    return { told: await perform(ground, act, jobIds), isDeadlock: false };
  } catch (error) {
    const cause = error instanceof StoreUnavailable ? error.cause : undefined;
    if (!(cause instanceof Error && 'code' in cause && cause.code === '40P01')) throw error;
    return { told: NOBODY, isDeadlock: true };
  }
};

type Races = { readonly sizes: readonly number[]; readonly sessions: readonly [Store, Store] };

/**
 * Races the two acts over fresh jobs, as many at a time as each of `sizes` says: in one statement
 * each, where there is such a statement. Which of them is sent first changes from race to race.
 */
export const raceAll = async (
  database: TestStore,
  { stand, one, other }: Rivalry,
  { sizes, sessions }: Races,
): Promise<Tally> => {
  const { job, nowMs } = modelOf(stand);
  const acts = actsOn(job);
  const moments = momentsOf(stand, nowMs);
  const meeting: Meeting = { job, first: acts[one], second: acts[other], moments };
  const ground = await openGround(database);
  const tally = openTally(meeting);
  for (const [n, size] of sizes.entries()) {
    const jobIds = await bring(ground, stand, size);
    const send = {
      one: () => attempt({ ...ground, store: sessions[0], process: 'one' }, acts[one], jobIds),
      other: () =>
        attempt({ ...ground, store: sessions[1], process: 'other' }, acts[other], jobIds),
    };
    const [first, second] = await sendAtOnce(send, n % 2 === 1);
    tally.add(await lookAt(ground, jobIds), first, second);
    await perform(ground, { kind: 'cancel' }, jobIds);
  }
  return tally.read();
};

type Send = () => Promise<Answer>;

const sendAtOnce = async (
  { one, other }: { readonly one: Send; readonly other: Send },
  isTurned: boolean,
): Promise<readonly [Answer, Answer]> => {
  if (!isTurned) return Promise.all([one(), other()]);
  const [second, first] = await Promise.all([other(), one()]);
  return [first, second];
};

const openTally = (meeting: Meeting) => {
  const allowed = outcomesOf(meeting);
  const back = { ...meeting, first: meeting.second, second: meeting.first };
  const withoutFirst = outcomesWithout(meeting);
  const withoutSecond = outcomesWithout(back).map(turn);
  const counts = { one: 0, other: 0, both: 0, neither: 0, deadlocks: 0, races: 0 };
  const faults: string[] = [];
  return {
    add: (seen: ReadonlyMap<JobId, string>, first: Answer, second: Answer): void => {
      if (first.isDeadlock || second.isDeadlock) counts.deadlocks += 1;
      const legal = first.isDeadlock ? withoutFirst : second.isDeadlock ? withoutSecond : allowed;
      for (const [jobId, job] of seen) {
        counts.races += 1;
        const found = legal.find(
          (outcome) =>
            outcome.job === job &&
            agrees(first.told, jobId, outcome.first) &&
            agrees(second.told, jobId, outcome.second),
        );
        if (found === undefined) faults.push(`${jobId}: ${describe(job, jobId, first, second)}`);
        else counts[winnerOf(found)] += 1;
      }
    },
    read: (): Tally => ({ ...counts, faults }),
  };
};

const turn = ({ job, first, second }: Outcome): Outcome => ({ job, first: second, second: first });

/** A number of jobs does not say which. */
const agrees = (told: Told, jobId: JobId, isMoved: boolean): boolean =>
  typeof told === 'number' || told.has(jobId) === isMoved;

const winnerOf = ({ first, second }: Outcome): 'one' | 'other' | 'both' | 'neither' => {
  if (first) return second ? 'both' : 'one';
  return second ? 'other' : 'neither';
};

const describe = (job: string, jobId: JobId, first: Answer, second: Answer): string =>
  describeOutcome({
    job,
    first: !agrees(first.told, jobId, false),
    second: !agrees(second.told, jobId, false),
  });
