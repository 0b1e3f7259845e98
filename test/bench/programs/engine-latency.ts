/** Adds jobs at a steady pace and runs them in the same process: the peers' start latency. */
import { setTimeout as pause } from 'node:timers/promises';
import type { EnginePlan } from '../engine.ts';
import { openEngine } from '../open-engine.ts';
import { nowUs, STAMPED_INPUT, sentUsOf } from '../payload.ts';
import { openParent, readPlan } from './parent.ts';

export type LatencyPlan = EnginePlan & {
  readonly jobs: number;
  readonly warmUp: number;
  readonly perSecond: number;
};

const SETTLE_MS = 700;
const LAST_MAX_MS = 10_000;

const plan = readPlan<LatencyPlan>();
const parent = openParent();
const engine = await openEngine(plan);
const latenciesMs: number[] = [];
await engine.work((input) => {
  const sentUs = sentUsOf(input);
  if (sentUs !== undefined) latenciesMs.push((nowUs() - sentUs) / 1_000);
});
await pause(SETTLE_MS);
const total = plan.warmUp + plan.jobs;
const input: object = JSON.parse(STAMPED_INPUT);
const startedMs = performance.now();
const adding: Promise<string>[] = [];
for (let n = 0; n < total; n += 1) {
  const dueMs = startedMs + (n * 1_000) / plan.perSecond;
  const earlyMs = dueMs - performance.now();
  if (earlyMs > 0) await pause(earlyMs);
  adding.push(engine.add({ ...input, sentUs: nowUs() }));
}
await Promise.all(adding);
const untilMs = performance.now() + LAST_MAX_MS;
while (latenciesMs.length < total && performance.now() < untilMs) await pause(10);
parent.report(latenciesMs.slice(plan.warmUp));
