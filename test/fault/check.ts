/**
 * The checker of a run: what clients, workers, the webhook's target and a consumer of events wrote
 * down is held against what the database has, once everything was healed and is quiet. It knows
 * nothing of how the run was broken, but for when.
 */
import { checkInvariants } from '../support/invariants.ts';
import type { Breach, Evidence, Given } from './check/breach.ts';
import { checkCalls } from './check/calls.ts';
import { checkChunks } from './check/chunks.ts';
import { checkEnds } from './check/ends.ts';
import { checkEvents } from './check/events.ts';
import { checkOrder } from './check/order.ts';
import { checkRuns } from './check/runs.ts';
import { checkSecrets } from './check/secrets.ts';
import { checkSubmissions } from './check/submissions.ts';
import { readTables } from './check/tables.ts';
import { checkTimes } from './check/times.ts';
import { checkWebhooks } from './check/webhooks.ts';

/** What is known to be always so is looked at by parts that know one side of it each. */
const CHECKS = [
  checkSubmissions,
  checkEnds,
  checkRuns,
  checkChunks,
  checkTimes,
  checkOrder,
  checkEvents,
  checkWebhooks,
  checkCalls,
  checkSecrets,
];

/** Every breach of what must hold of a run; none when all is well. */
export const checkRun = async (evidence: Evidence): Promise<Breach[]> => {
  const tables = await readTables(evidence.databaseUrl);
  const given: Given = { ...evidence, ...tables };
  const broken = await checkInvariants(evidence.databaseUrl);
  return [
    ...broken.map((what): Breach => ({ rule: 'database', what })),
    ...CHECKS.flatMap((check) => check(given)),
  ];
};

const SHOWN = 3;

/** A sentence for each rule that is broken, with how often and the first places. */
export const tellBreaches = (breaches: readonly Breach[]): string[] => {
  const rules = Map.groupBy(breaches, ({ rule }) => rule);
  return [...rules].map(([rule, found]) => {
    const shown = found.slice(0, SHOWN).map(({ what }) => what);
    return `${rule} (${found.length}): ${shown.join('; ')}`;
  });
};
