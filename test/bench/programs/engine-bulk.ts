/** Stores many jobs, 1,000 at a time and two such calls under way: the peers' bulk submission. */
import { BULK_WARM_UP, type BulkReport } from '../contender.ts';
import type { EnginePlan } from '../engine.ts';
import { openEngine } from '../open-engine.ts';
import { nowUs, PLAIN_INPUT } from '../payload.ts';
import { openParent, readPlan } from './parent.ts';

export type BulkPlan = EnginePlan & { readonly jobs: number };

const CALL = 1_000;
const LANES = 2;

const plan = readPlan<BulkPlan>();
const parent = openParent();
const engine = await openEngine(plan);
const input: object = JSON.parse(PLAIN_INPUT);
const call = Array.from({ length: CALL }, () => input);
await engine.addMany(call.slice(0, BULK_WARM_UP));
const startedUs = nowUs();
let left = plan.jobs;
const lane = async (): Promise<void> => {
  while (left > 0) {
    const next = Math.min(CALL, left);
    left -= next;
    await engine.addMany(call.slice(0, next));
  }
};
await Promise.all(Array.from({ length: LANES }, lane));
const report: BulkReport = { startedUs, seconds: (nowUs() - startedUs) / 1_000_000 };
parent.report(report);
