import os from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { type Log, type Loop, startLoop } from '@switchyard/runtime';
import type { DemandSender } from '../send-demand.ts';
import { createBeat } from './beat.ts';
import {
  claimForOwn,
  type ReconcileContext,
  returnLostAssigns,
  returnOldMail,
} from './reconcile.ts';
import { type SignContext, storeSigns } from './store-signs.ts';
import { type CrashContext, createCrashTeller } from './tell-crash-loops.ts';

const TICK_MS = 1_000;
const MAIL_EVERY_MS = 500;
/** While nobody hears the demand: a new job waits that long for an idle worker, in ms. */
const CLAIM_EVERY_MS = 500;
/** Slots that became free meanwhile are filled by the next claim, in ms. */
const CLAIM_REST_MS = 50;

export type LoopsContext = SignContext &
  CrashContext & {
    readonly log: Log;
    readonly demand: DemandSender;
    readonly learnEndpoints: () => Promise<void>;
    readonly reconcile: ReconcileContext;
  };

export type SupervisorLoops = {
  readonly learnEndpoints: Loop;
  readonly storeSigns: Loop;
  stop(): Promise<void>;
};

/** Starts what the supervisor looks after by itself. */
export const startSupervisorLoops = (context: LoopsContext): SupervisorLoops => {
  const { store, instance, log, demand, reconcile } = context;
  const loop = (name: string, everyMs: number, run: () => Promise<void>): Loop =>
    startLoop({ name, everyMs, run, log });
  const { beat, noteStored } = createBeat(store, instance, os.hostname());
  const learnEndpoints = loop('learn endpoints', TICK_MS, context.learnEndpoints);
  const signs = startLoop({
    ...{ name: 'store signs of life', everyMs: TICK_MS, log },
    // No slower when it fails: the signs of other endpoints are stored all the same.
    backOffMaxMs: TICK_MS,
    run: () => storeSigns(context, noteStored),
  });
  const loops = [
    learnEndpoints,
    signs,
    loop('beat', TICK_MS, beat),
    loop('repeat the demand', TICK_MS, async () => demand.send()),
    loop('tell crash loops', TICK_MS, createCrashTeller(context)),
    loop('return lost assigns', TICK_MS, () => returnLostAssigns(reconcile)),
    loop('return old mail', MAIL_EVERY_MS, () => returnOldMail(reconcile)),
  ];
  const claiming = loop('claim without a scheduler', CLAIM_EVERY_MS, async () => {
    if (demand.isHeard()) return;
    await claimForOwn(reconcile);
    await pause(CLAIM_REST_MS);
  });
  demand.onUnheard(claiming.wake);
  return {
    learnEndpoints,
    storeSigns: signs,
    stop: async () => {
      await Promise.all([...loops, claiming].map((one) => one.stop()));
    },
  };
};
