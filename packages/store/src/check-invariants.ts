import { type EndpointId, type JobId, parseEndpointId } from '@switchyard/contracts';
import { isTooSlow } from './errors.ts';
import { INVARIANTS, type InvariantCode, invariantOf } from './invariants.ts';
import type { Store } from './open-store.ts';
import type { Broken, JobRange } from './statements/broken.ts';
import { countLoggedEnds, type LoggedEnds } from './statements/count-logged-ends.ts';
import { estimateJobs } from './statements/estimate-jobs.ts';
import { findBrokenCounts } from './statements/find-broken-counts.ts';
import { findBrokenDeliveries } from './statements/find-broken-deliveries.ts';
import { findBrokenHistories } from './statements/find-broken-histories.ts';
import { findBrokenRanks } from './statements/find-broken-ranks.ts';
import { findBrokenStates } from './statements/find-broken-states.ts';
import { findBrokenTimes } from './statements/find-broken-times.ts';
import { findForeignChunks } from './statements/find-foreign-chunks.ts';
import { findLateSweeps } from './statements/find-late-sweeps.ts';
import { findLostEndpoints } from './statements/find-lost-endpoints.ts';
import { findMisplacedJobs } from './statements/find-misplaced-jobs.ts';
import { findRangeEnd } from './statements/find-range-end.ts';
import { findSharedKeys } from './statements/find-shared-keys.ts';
import { findStrayRows } from './statements/find-stray-rows.ts';
import { listEndpoints } from './statements/list-endpoints.ts';

export type InvariantCheck = {
  /** No look begins after so long; the newest jobs are looked at first. */
  readonly withinMs: number;
  /** How many jobs one look is about, so that none takes long. */
  readonly jobsPerLook?: number;
  /** Hears how many jobs have been looked at, of about how many. */
  readonly onProgress?: (jobs: number, about: number) => void;
};

/** An invariant that does not hold, with the first jobs that break it. */
export type BrokenInvariant = {
  readonly code: InvariantCode;
  readonly sentence: string;
  /** How many breaches were found; each look tells at most a hundred. */
  readonly breaches: number;
  readonly examples: readonly Example[];
};

type Example = { readonly endpointId: EndpointId; readonly jobId?: JobId; readonly what: string };

export type InvariantReport = {
  readonly broken: readonly BrokenInvariant[];
  readonly jobs: number;
  /** What there was no time for, a sentence each; empty when all was looked at. */
  readonly left: readonly string[];
};

const JOBS_PER_LOOK = 2_000;
const EXAMPLES_MAX = 20;

const LOOKS = [
  findMisplacedJobs,
  findStrayRows,
  findBrokenHistories,
  findBrokenStates,
  findBrokenRanks,
  findForeignChunks,
  findBrokenDeliveries,
  findBrokenTimes,
];

/**
 * Looks at a whole database for what must never be, while everything runs. Each look is one
 * statement, which sees one moment, is short, and changes nothing; between two of them nothing is
 * held, so that dead rows are cleared away as ever.
 * @throws StoreUnavailable when the database is away.
 */
export const checkInvariants = async (
  store: Store,
  { withinMs, jobsPerLook = JOBS_PER_LOOK, onProgress }: InvariantCheck,
): Promise<InvariantReport> => {
  const findings = openFindings();
  const untilMs = performance.now() + withinMs;
  const about = await estimateJobs(store);
  let jobs = 0;
  const hear = (more: number): void => {
    jobs += more;
    onProgress?.(jobs, Math.max(jobs, about));
  };
  const walk: Walk = { store, findings, jobsPerLook, untilMs, hear };
  await findings.look('what is left of endpoints that are gone', () => findLostEndpoints(store));
  for (const endpoint of await listEndpoints(store)) {
    const id = parseEndpointId(endpoint.id);
    if (id !== undefined) await walkEndpoint(walk, id);
  }
  return { broken: findings.tell(), jobs, left: findings.left };
};

type Walk = {
  readonly store: Store;
  readonly findings: Findings;
  readonly jobsPerLook: number;
  readonly untilMs: number;
  readonly hear: (jobs: number) => void;
};

/** Looks at one endpoint: at what concerns all of it, and at its jobs, the newest first. */
const walkEndpoint = async (walk: Walk, id: EndpointId): Promise<void> => {
  const { store, findings, jobsPerLook, untilMs, hear } = walk;
  await findings.look(`${id}: the sweeps`, () => findLateSweeps(store, id));
  await findings.look(`${id}: the idempotency keys`, () => findSharedKeys(store, id));
  let logged: LoggedEnds = { completed: 0, failed: 0, retried: 0 };
  let range = await findRangeEnd(store, id, undefined, jobsPerLook);
  while (range !== undefined && performance.now() < untilMs) {
    const here: JobRange = range;
    for (const find of LOOKS) await findings.look(`${id}: some jobs`, () => find(store, here));
    logged = sumOf(logged, await countLoggedEnds(store, here));
    hear(range.jobs);
    range = await findRangeEnd(store, id, range, jobsPerLook);
  }
  if (range !== undefined) findings.left.push(`${id}: jobs up to ${range.upTo}, for want of time`);
  await findings.look(`${id}: the counts`, () => findBrokenCounts(store, id, logged));
};

const sumOf = (one: LoggedEnds, other: LoggedEnds): LoggedEnds => ({
  completed: one.completed + other.completed,
  failed: one.failed + other.failed,
  retried: one.retried + other.retried,
});

type Findings = {
  /** Asks, and keeps what was found; a look that took the database too long is left. */
  readonly look: (name: string, ask: () => Promise<readonly Broken[]>) => Promise<void>;
  readonly left: string[];
  readonly tell: () => BrokenInvariant[];
};

const openFindings = (): Findings => {
  const found = new Map<InvariantCode, { breaches: number; examples: Example[] }>();
  const left: string[] = [];
  const keep = ({ rule, endpointId, jobId, what }: Broken): void => {
    const code = invariantOf(rule);
    const known = found.get(code) ?? { breaches: 0, examples: [] };
    found.set(code, known);
    known.breaches += 1;
    if (known.examples.length >= EXAMPLES_MAX) return;
    known.examples.push({ endpointId, what, ...(jobId !== undefined && { jobId }) });
  };
  return {
    left,
    look: async (name, ask) => {
      try {
        for (const breach of await ask()) keep(breach);
      } catch (error) {
        if (!isTooSlow(error)) throw error;
        left.push(`${name}: it took too long`);
      }
    },
    tell: () => [...found].map(([code, kept]) => ({ code, sentence: INVARIANTS[code], ...kept })),
  };
};
