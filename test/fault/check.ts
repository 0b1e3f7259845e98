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
import { checkInventories } from './check/inventories.ts';
import { checkOrder } from './check/order.ts';
import { checkReach, countTrespasses } from './check/reach.ts';
import { checkRecovery, measureRecovery } from './check/recovery.ts';
import { checkResources } from './check/resources.ts';
import { checkRuns } from './check/runs.ts';
import { checkSecrets } from './check/secrets.ts';
import { checkSubmissions } from './check/submissions.ts';
import { readTables } from './check/tables.ts';
import { checkTargets } from './check/targets.ts';
import { checkTimes } from './check/times.ts';
import { checkTurns, measureLines } from './check/turns.ts';
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
  checkInventories,
  checkTurns,
  checkTargets,
  checkRecovery,
  checkResources,
  checkReach,
];

export type Checked = {
  /** Every breach of what must hold of a run; none when all is well. */
  readonly breaches: readonly Breach[];
  /** Sentences with figures that a rule bounds, or that tell how much it had to look at. */
  readonly figures: readonly string[];
};

/** Looks at a run that is over. */
export const checkRun = async (evidence: Evidence): Promise<Checked> => {
  const tables = await readTables(evidence.databaseUrl);
  const given: Given = { ...evidence, ...tables };
  const broken = await checkInvariants(evidence.databaseUrl);
  return {
    breaches: [
      ...broken.map((what): Breach => ({ rule: 'database', what })),
      ...CHECKS.flatMap((check) => check(given)),
    ],
    figures: tellFigures(given),
  };
};

const tellFigures = (given: Given): string[] => {
  const [worst] = measureLines(given).sort((a, b) => b.passedBy - a.passedBy);
  const recovery = measureRecovery(given);
  return [
    ...(worst === undefined
      ? []
      : [
          `at most ${worst.passedBy} jobs with later deadlines went before one, ` +
            `of ${worst.allowed} allowed (${worst.name})`,
        ]),
    ...(recovery === undefined
      ? []
      : [
          `first claim ${recovery.firstClaimMs.toFixed(0)} ms after healing; ` +
            `${recovery.backlog} jobs waited, the last ${recovery.drainMs.toFixed(0)} ms`,
        ]),
    `${countTrespasses(given)} times a key asked for what is another's`,
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
