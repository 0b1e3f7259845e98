/** Every pair of acts at a job, the second one met by the first in a transaction that is open. */
import type { JobId } from '@switchyard/contracts';
import type { Store } from '@switchyard/store';
import type { TestStore } from '../support/store.ts';
import { ACT_NAMES, type ActName } from './acts.ts';
import { actsOn } from './acts-on.ts';
import { type Ground, lookAt, openGround } from './ground.ts';
import { type Ending, holdOpen, untilStill } from './hold-open.ts';
import {
  canMove,
  describeOutcome,
  type Meeting,
  type Outcome,
  outcomesOf,
  outcomesWithout,
} from './outcomes.ts';
import { perform, type Told } from './perform.ts';
import { bring, modelOf, momentsOf, type Stand } from './stands.ts';

/** What came of one interleaving. */
export type Cell = {
  readonly stand: string;
  readonly first: ActName;
  readonly second: ActName;
  readonly ending: Ending;
  /** Whether the second act waited for the first one's end. */
  readonly met: 'ended' | 'waits';
  readonly outcome: Outcome;
  /** Undefined where it is what some order of the two allows. */
  readonly fault: string | undefined;
};

/** The two sessions, each a store of one process; the second is known by its name. */
export type Sessions = {
  readonly first: Store;
  readonly second: Store;
  readonly secondName: string;
};

/** Opens the two sessions of one lane. */
export const openSessions = (database: TestStore, lane: number): Sessions => {
  const secondName = `second-${lane}`;
  return {
    first: database.another({ applicationName: `first-${lane}` }),
    second: database.another({ applicationName: secondName }),
    secondName,
  };
};

const isMoved = (told: Told, jobId: JobId): boolean =>
  typeof told === 'number' ? told > 0 : told.has(jobId);

type Pair = { readonly first: ActName; readonly second: ActName; readonly ending: Ending };

/** The pairs of which one can move the job; one that moves nothing need not be undone. */
export const pairsAt = (stand: Stand): Pair[] => {
  const { job, nowMs } = modelOf(stand);
  const acts = actsOn(job);
  const moments = momentsOf(stand, nowMs);
  const movers = new Set(ACT_NAMES.filter((name) => canMove(job, acts[name], moments)));
  return ACT_NAMES.flatMap((first) =>
    ACT_NAMES.filter((second) => movers.has(first) || movers.has(second)).flatMap((second) => [
      { first, second, ending: 'commit' } as const,
      ...(movers.has(first) ? [{ first, second, ending: 'rollback' } as const] : []),
    ]),
  );
};

/** Does each pair of acts at a job of its own that was brought to `stand`, one after the other. */
export const interleaveAll = async function* (
  database: TestStore,
  sessions: Sessions,
  stand: Stand,
  pairs: readonly Pair[],
): AsyncGenerator<Cell> {
  const ground = await openGround(database);
  for (const pair of pairs) yield await interleave(ground, sessions, stand, pair);
};

const interleave = async (
  ground: Ground,
  { first, second, secondName }: Sessions,
  stand: Stand,
  pair: Pair,
): Promise<Cell> => {
  const { job, nowMs } = modelOf(stand);
  const acts = actsOn(job);
  const jobIds = await bring(ground, stand, 1);
  const held = await holdOpen(first, (store) =>
    perform({ ...ground, store, process: 'first' }, acts[pair.first], jobIds),
  );
  if (stand.isOnTheEdge === true) await untilDeadline(ground);
  const work = perform({ ...ground, store: second, process: 'second' }, acts[pair.second], jobIds);
  const met = await untilStill(ground, secondName, work);
  await held.end(pair.ending);
  const told = await work;
  const [[jobId, found] = []] = await lookAt(ground, jobIds);
  if (jobId === undefined || found === undefined) throw new TypeError('one job was brought');
  const outcome: Outcome = {
    job: found,
    first: pair.ending === 'commit' && isMoved(held.result, jobId),
    second: isMoved(told, jobId),
  };
  const meeting: Meeting = {
    ...{ job, first: acts[pair.first], second: acts[pair.second] },
    moments: momentsOf(stand, nowMs),
  };
  if (/^IN_/.test(found)) await clear(ground, jobIds);
  return { stand: stand.name, ...pair, met, outcome, fault: faultOf(meeting, pair, outcome) };
};

/** Waits until the deadline of a queued job has come, if it is still there. */
const untilDeadline = async ({ sql, endpointId }: Ground): Promise<void> => {
  await sql(
    `select pg_sleep(extract(epoch from max(deadline_at) - clock_timestamp()) + 0.001)
      from queue where endpoint_id = $1`,
    [endpointId],
  );
};

/** Ends what is left of the jobs, so that no sweep of the next pair finds them. */
const clear = async (ground: Ground, jobIds: readonly JobId[]): Promise<void> => {
  await perform(ground, { kind: 'cancel' }, jobIds);
};

const faultOf = (meeting: Meeting, { ending }: Pair, found: Outcome): string | undefined => {
  const allowed = ending === 'commit' ? outcomesOf(meeting) : outcomesWithout(meeting);
  const isAllowed = allowed.some(
    ({ job, first, second }) =>
      job === found.job && first === found.first && second === found.second,
  );
  if (isAllowed) return undefined;
  const texts = new Set(allowed.map((one) => `"${describeOutcome(one)}"`));
  return `came to "${describeOutcome(found)}", not ${[...texts].join(' or ')}`;
};
