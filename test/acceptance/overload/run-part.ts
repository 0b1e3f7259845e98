import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { checkInvariants } from '../../support/invariants.ts';
import { untilQuiet } from '../load/read-jobs.ts';
import { GENERATOR_CORE, holdTo, letGo, SYSTEM_CORE } from './cores.ts';
import type { OfferPlan, OfferReport, Pace } from './offer-plan.ts';
import { BUSY, type DoneJob, type Overload, openOverload } from './open-overload.ts';
import { type Look, startProbe } from './probe.ts';
import { type Sample, sampleSystem } from './sample-system.ts';
import { offerJobs } from './start-offering.ts';

export type PartPlan = {
  readonly pace: Pace;
  readonly overloadMs: number;
  /** Whether generator and system are held to a core each. */
  readonly isHeldApart: boolean;
};

/** What was measured, for those who judge. */
export type Measured = {
  readonly before: OfferReport;
  readonly overload: OfferReport;
  readonly after: OfferReport;
  readonly looks: readonly Look[];
  readonly samples: readonly Sample[];
  readonly done: readonly DoneJob[];
  /** The acknowledged jobs of the busy endpoint. */
  readonly acknowledged: readonly string[];
  /** As `/requests` has them at the end: the status by the id. */
  readonly stored: ReadonlyMap<string, string>;
  /** What is wrong in the database, a sentence each. */
  readonly faults: readonly string[];
  readonly logs: string;
};

/** Requests under way at once of an overload: many clients, and a bound on what waits in them. */
const CONNECTIONS = 128;
/** Enough that no slot waits for a job, few enough that the queue is never full. */
const KEPT_WAITING = 1_000;
const KEEPING_CONNECTIONS = 32;
/** A process that has just started is slow. */
const WARM_MAX_MS = 20_000;
/** The time of the baseline before, and of the one after, as a part of that of the overload. */
const BASELINE_PART = 1 / 4;
const BASELINE_MIN_MS = 10_000;
const RECOVERY_MS = 15_000;
const QUIET_MAX_MS = 120_000;
const TOLD_EVERY_MS = 30_000;

/** The workers kept busy, the overload, the time after it, and the workers kept busy once more. */
export const runPart = async ({ pace, overloadMs, isHeldApart }: PartPlan): Promise<Measured> => {
  if (isHeldApart) holdTo(SYSTEM_CORE);
  await using overload = await openOverload();
  if (isHeldApart) holdTo(GENERATOR_CORE);
  using _held = { [Symbol.dispose]: () => (isHeldApart ? letGo() : undefined) };
  const acknowledgedPath = path.join(overload.folder, 'acknowledged');
  const { apiUrl, apiKey } = overload.switchyard;
  const offer = (plan: Pick<OfferPlan, 'pace' | 'connections' | 'forMs'>): Promise<OfferReport> =>
    offerJobs(
      { apiUrl, apiKey, endpoint: BUSY, acknowledgedPath, ...plan },
      isHeldApart ? GENERATOR_CORE : undefined,
    );
  const keepBusy = (forMs: number): Promise<OfferReport> => {
    const kept = { kind: 'keepWaiting', jobs: KEPT_WAITING } as const;
    return offer({ pace: kept, connections: KEEPING_CONNECTIONS, forMs });
  };
  const baselineMs = Math.max(BASELINE_MIN_MS, overloadMs * BASELINE_PART);

  await using probe = startProbe(overload);
  await using sampler = sampleSystem(overload);
  using _telling = tellProgress(overload);
  await keepBusy(Math.min(WARM_MAX_MS, baselineMs));
  const before = await keepBusy(baselineMs);
  const overloaded = await offer({ pace, connections: CONNECTIONS, forMs: overloadMs });
  await pause(RECOVERY_MS);
  await untilQueueIsShort(overload);
  const after = await keepBusy(baselineMs);
  await probe[Symbol.asyncDispose]();
  await sampler[Symbol.asyncDispose]();
  await untilQuiet(overload.reader, QUIET_MAX_MS);
  const stored = (await overload.reader.requests()).map(({ id, status }): [string, string] => [
    id,
    status,
  ]);
  const written = readFileSync(acknowledgedPath, 'utf8').split('\n').filter(Boolean);
  return {
    before,
    overload: overloaded,
    after,
    looks: probe.looks,
    samples: sampler.samples,
    done: overload.done(),
    acknowledged: [...written, ...probe.acknowledged],
    stored: new Map(stored),
    faults: await checkInvariants(overload.databaseUrl),
    logs: await overload.switchyard.logs(),
  };
};

const untilQueueIsShort = async ({ reader }: Overload): Promise<void> => {
  const untilMs = performance.now() + QUIET_MAX_MS;
  while (performance.now() < untilMs) {
    const waiting = (await reader.health())?.jobs.inQueue;
    if (waiting !== undefined && waiting <= KEPT_WAITING) return;
    await pause(100);
  }
};

const tellProgress = ({ done }: Overload): Disposable => {
  const beganMs = performance.now();
  let before = 0;
  const timer = setInterval(() => {
    const now = done().length;
    const perSecond = Math.round(((now - before) * 1_000) / TOLD_EVERY_MS);
    before = now;
    const seconds = Math.round((performance.now() - beganMs) / 1_000);
    console.log(`       ${seconds} s: ${perSecond} jobs completed a second`);
  }, TOLD_EVERY_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
};
