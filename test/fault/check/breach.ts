import type { FaultWindow, History } from '../history.ts';
import type { Tables } from './tables.ts';

/** One thing that must not be: the rule that it breaks, and where. */
export type Breach = { readonly rule: string; readonly what: string };

/** What is known of a run. */
export type Evidence = {
  readonly history: History;
  /** Of a database that is quiet. */
  readonly databaseUrl: string;
  /** Everything that services and workers wrote to their logs. */
  readonly logs: string;
  /** The secrets that webhooks may be signed with; unset: signatures are not looked at. */
  readonly webhookSecrets?: readonly string[];
  /** How many jobs each worker may have at a time. */
  readonly concurrency?: ReadonlyMap<string, number>;
  /** Workers that lose jobs, fall silent or lie on purpose. */
  readonly careless?: readonly string[];
  /** Endpoints of which jobs may still wait, since nobody works for them. */
  readonly idle?: readonly string[];
  /** How endpoints are named whose jobs were deleted during the run; unset: there are none. */
  readonly passing?: string;
  /** Jobs that clients began in a second; unset: how fast a backlog goes is not looked at. */
  readonly perSecond?: number;
  /** Whether the database's own clock was set during the run, so that its times tell little. */
  readonly isClockSet?: boolean;
};

export type Given = Evidence & Tables;

/** Whether something was broken, or healed less than `afterMs` before, between two moments. */
export const wasBroken = (
  faults: readonly FaultWindow[],
  fromMs: number,
  toMs: number,
  afterMs: number,
): boolean => faults.some(({ atMs, endedAtMs }) => atMs <= toMs && endedAtMs + afterMs >= fromMs);

/** A breach for each of `found`. */
export const tell = <Found>(
  rule: string,
  found: readonly Found[],
  describe: (one: Found) => string,
): Breach[] => found.map((one) => ({ rule, what: describe(one) }));

/** The facts by the value that `keyOf` tells of them; those of none are left out. */
export const groupBy = <Fact, Key>(
  facts: readonly Fact[],
  keyOf: (fact: Fact) => Key | undefined,
): Map<Key, Fact[]> => {
  const groups = new Map<Key, Fact[]>();
  for (const fact of facts) {
    const key = keyOf(fact);
    if (key === undefined) continue;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [fact]);
    else known.push(fact);
  }
  return groups;
};
