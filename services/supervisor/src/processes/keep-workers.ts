import { setTimeout as pause } from 'node:timers/promises';
import type { Endpoint, WorkerTemplate } from '@switchyard/contracts';
import type { CrashLoop } from '@switchyard/store';
import type { WorkerBook } from '../track-workers.ts';
import { memberOf } from './crew.ts';
import { planWorkers } from './describe-worker.ts';
import { isCrashLooping } from './pace-restarts.ts';
import { settleWorker } from './settle-worker.ts';
import {
  crewOf,
  endMember,
  findMember,
  hearExit,
  reconcileCrew,
  type Tending,
  type TendingContext,
  track,
} from './tend-crews.ts';

/** How long `stop` waits for running jobs, in ms: a service's drain less what clearing up takes. */
const DRAIN_MS = 25_000;
/** How long `stop` waits for the database after the last exit, in ms. */
const SETTLE_MS = 3_000;

export type ProcessesContext = TendingContext & {
  /** The templates of this machine; endpoints that name none of them are served elsewhere. */
  readonly templates: Readonly<Record<string, WorkerTemplate>>;
  readonly endpoints: () => readonly Endpoint[];
  /** How long `stop` waits for running jobs, in ms. */
  readonly drainMs?: number;
  readonly workers: Pick<WorkerBook, 'drain' | 'find' | 'forget' | 'see'>;
};

export interface WorkerProcesses {
  /** Ends what an earlier start left, adopts what the host runs still, starts what is missing. */
  start(): Promise<void>;
  /** Ends every worker; jobs that do not finish within `drainMs` go back unspent. */
  stop(): Promise<void>;
  /** Whether the process of a worker is one of these. */
  owns(workerId: string): boolean;
  /** Starts and ends processes until each endpoint has its minimum; to be called each second. */
  reconcile(): Promise<void>;
  /** Ends the process of a worker whose job ran out of time; a fresh one takes its place. */
  overrun(workerId: string): void;
  /** Ends the process of a worker that asked for it; a fresh one takes its place. */
  replace(workerId: string): void;
  /** The endpoints whose workers fail again and again at their start. */
  crashLoops(): readonly CrashLoop[];
}

/** Keeps the minimum of worker processes running for each endpoint that this machine serves. */
export const createProcesses = (context: ProcessesContext): WorkerProcesses => {
  const { host, drainMs = DRAIN_MS } = context;
  const tending: Tending = {
    ...context,
    crews: new Map(),
    halt: new AbortController(),
    giveUp: new AbortController(),
    underWay: new Set(),
  };
  const { crews } = tending;
  let isStarted = false;

  const reconcile = async (): Promise<void> => {
    if (!isStarted || tending.halt.signal.aborted) return;
    const plans = planWorkers(context.endpoints(), context.templates);
    for (const plan of plans.values()) crewOf(tending, plan.endpointId).follow(plan);
    for (const crew of crews.values()) {
      if (!plans.has(crew.endpointId)) crew.follow(undefined);
      reconcileCrew(tending, crew);
      if (crew.plan === undefined && crew.members.size === 0) crews.delete(crew.endpointId);
    }
  };
  const endWorker = (workerId: string): void => {
    const member = findMember(tending, workerId);
    if (member?.state === 'running') endMember(tending, member);
  };

  host.onExit((exit) => hearExit(tending, exit));
  return {
    start: async () => {
      for (const left of await host.endLeftovers()) {
        track(tending, settleWorker(context, left, 'switchyard_ended_it', tending.giveUp.signal));
      }
      for (const hosted of host.list()) {
        const member = memberOf(hosted, 'running', performance.now());
        crewOf(tending, hosted.endpointId).members.set(hosted.workerId, member);
        // It may be in the middle of a job and silent for long: it counts as heard, and is stopped.
        context.workers.see(hosted.endpointId, hosted.workerId);
      }
      isStarted = true;
      await reconcile();
    },
    stop: () => stopAll(tending, drainMs),
    owns: (workerId) => findMember(tending, workerId) !== undefined,
    reconcile,
    overrun: endWorker,
    replace: endWorker,
    crashLoops: () => {
      const looping = [...crews.values()].filter((crew) => isCrashLooping(crew.pace));
      const nowMs = performance.now();
      return looping.map((crew) => {
        const { endpointId, lastError } = crew;
        return { endpointId, workers: crew.heldBackCount(nowMs), lastError };
      });
    },
  };
};

const stopAll = async (tending: Tending, drainMs: number): Promise<void> => {
  tending.halt.abort();
  for (const crew of tending.crews.values()) {
    for (const member of crew.members.values()) endMember(tending, member, drainMs);
  }
  await tending.host.stop(drainMs);
  const waiting = new AbortController();
  const late = pause(SETTLE_MS, undefined, { signal: waiting.signal }).catch(() => undefined);
  await Promise.race([Promise.all(tending.underWay), late]);
  waiting.abort();
  tending.giveUp.abort();
  await Promise.all(tending.underWay);
};
