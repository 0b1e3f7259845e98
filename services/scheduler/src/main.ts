import type { Broker } from '@switchyard/broker';
import { type EndpointId, type InstanceId, topics } from '@switchyard/contracts';
import { type Log, type Loop, type Service, startLoop } from '@switchyard/runtime';
import {
  findDeletedEndpoints,
  findEscalating,
  findExpired,
  findLostLeases,
  findRetired,
  findStartable,
  findWaiting,
  foldCounts,
  forgetLostWorkers,
  listEndpoints,
  type Store,
} from '@switchyard/store';
import { type Claimer, createClaimer } from './claim-for-demand.ts';
import { listenForDemand } from './consumers/demands.ts';
import { listenForNudges } from './consumers/nudges.ts';
import { createEmptying } from './empty-endpoints.ts';
import { createOverdueLook } from './look-for-overdue.ts';
import { inTurn } from './loops/sweeps.ts';
import { createRetirement, forgetOldKeys } from './retire-jobs.ts';
import {
  sweepEscalating,
  sweepExpired,
  sweepLost,
  sweepOverdue,
  sweepStartable,
} from './sweep-jobs.ts';
import { createDemandBook, type DemandBook } from './track-demand.ts';

export type SchedulerContext = {
  readonly store: Store;
  readonly broker: Broker;
  readonly log: Log;
  readonly instance: InstanceId;
};

/** How often a look at the database stands in for lost hints, in ms. */
const TICK_MS = 1_000;
const EXPIRE_EVERY_MS = 500;
const START_EVERY_MS = 250;
const ESCALATE_EVERY_MS = 500;
const RETIRE_EVERY_MS = 1_000;
const EMPTY_EVERY_MS = 1_000;
const TIDY_EVERY_MS = 60_000;

/** The scheduler: claims for demand, and the sweeps over what time has ended. */
export const createScheduler = (context: SchedulerContext): Service => {
  const stop = new AbortController();
  const limited = new Set<EndpointId>();
  const demand = createDemandBook();
  const isLimited = (id: EndpointId): boolean => limited.has(id);
  const claimer = createClaimer({ ...context, demand, isLimited, stop: stop.signal });
  let loops: Loop[] = [];

  return {
    name: 'scheduler',
    start: async () => {
      await learnEndpoints(context.store, { limited, claimer });
      await listenForDemand({ ...context, demand, claimer }, context.instance, stop.signal);
      await listenForNudges(context.broker, claimer, stop.signal);
      loops = startLoops(context, { demand, claimer, limited });
    },
    stop: async () => {
      stop.abort();
      await Promise.all(loops.map((loop) => loop.stop()));
      await claimer.idle();
    },
  };
};

type Parts = { demand: DemandBook; claimer: Claimer; limited: Set<EndpointId> };

const startLoops = (context: SchedulerContext, parts: Parts): Loop[] => {
  const { store, broker, log, instance } = context;
  const loop = (name: string, everyMs: number, run: () => Promise<void>): Loop =>
    startLoop({ name, everyMs, run, log });
  const beat = Buffer.from(JSON.stringify({ instance }));
  return [
    loop('claim what was missed', TICK_MS, async () => {
      const quiet = parts.demand.wanting().filter(parts.claimer.isQuiet);
      const waiting = quiet.length === 0 ? [] : await findWaiting(store, quiet);
      for (const endpointId of waiting) parts.claimer.nudged(endpointId);
    }),
    startLoop({
      // No slower while the database is away: supervisors wait for the beat to come back.
      ...{ name: 'learn endpoints', everyMs: TICK_MS, backOffMaxMs: TICK_MS, log },
      run: async () => {
        await learnEndpoints(store, parts);
        // Only now: one that the database does not answer is to be left for another.
        broker.hint(topics.schedulerBeat, beat);
      },
    }),
    ...startSweeps(context, loop),
  ];
};

type StartLoop = (name: string, everyMs: number, run: () => Promise<void>) => Loop;

/** What time does to jobs; of several schedulers one at a time does each. */
const startSweeps = (context: SchedulerContext, loop: StartLoop): Loop[] => {
  const { store } = context;
  const sweep = <Due>(
    name: Parameters<typeof inTurn>[1],
    everyMs: number,
    find: (store: Store) => Promise<readonly Due[]>,
    work: (due: readonly Due[]) => Promise<void>,
  ) => loop(`sweep ${name}`, everyMs, inTurn(store, name, find, work));
  return [
    sweep('start', START_EVERY_MS, findStartable, (due) => sweepStartable(context, due)),
    sweep('expire', EXPIRE_EVERY_MS, findExpired, (due) => sweepExpired(context, due)),
    sweep('escalate', ESCALATE_EVERY_MS, findEscalating, (due) => sweepEscalating(context, due)),
    sweep('overdue', EXPIRE_EVERY_MS, createOverdueLook(), (due) => sweepOverdue(context, due)),
    sweep('lost', TICK_MS, findLostLeases, (lost) => sweepLost(context, lost)),
    sweep('retire', RETIRE_EVERY_MS, findRetired, createRetirement(context)),
    sweep('empty', EMPTY_EVERY_MS, findDeletedEndpoints, createEmptying(context)),
    sweep('tidy', TIDY_EVERY_MS, listEndpoints, async (endpoints) => {
      await foldCounts(store);
      await forgetLostWorkers(store);
      await forgetOldKeys(store, endpoints);
    }),
  ];
};

const learnEndpoints = async (
  store: Store,
  { limited, claimer }: Pick<Parts, 'limited' | 'claimer'>,
): Promise<void> => {
  const endpoints = await listEndpoints(store);
  claimer.keepOnly(new Set(endpoints.map(({ id }) => id as EndpointId)));
  limited.clear();
  for (const endpoint of endpoints) {
    if (endpoint.limits.maxConcurrent !== null) limited.add(endpoint.id as EndpointId);
  }
};
