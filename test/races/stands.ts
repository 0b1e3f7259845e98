/** The stands that a job can have when two acts meet at it. */
import type { JobId } from '@switchyard/contracts';
import { WORKER } from '../store/jobs.ts';
import type { Act } from './acts.ts';
import { acceptWishes, type Ground, letPass, SETTINGS } from './ground.ts';
import { acceptedJob, change, type Job, type Wish } from './model.ts';
import { perform } from './perform.ts';

type Step = Act | { readonly kind: 'pass'; readonly ms: number };

export type Stand = {
  readonly name: string;
  readonly wish?: Partial<Wish>;
  /** From the accept on. */
  readonly steps: readonly Step[];
  /**
   * Set where the deadline comes about while the acts meet: whether it has come to either of them
   * is then left to chance, and time passes in that it does.
   */
  readonly isOnTheEdge?: boolean;
};

const MINUTE_MS = 60_000;
const TTL_MS = 60 * MINUTE_MS;

const WISH: Wish = {
  isLow: false,
  ttlMs: TTL_MS,
  executionTimeoutMs: 10 * MINUTE_MS,
  startInMs: null,
  hasWebhook: true,
  hasSecret: true,
};
const LOW = { isLow: true } as const;
/** With an open delivery a job is kept. */
const UNTOLD = { hasWebhook: false } as const;
/** How far before the deadline an act begins that is to see it come. */
const EDGE_MS = 8;

const CLAIM = { kind: 'claim', workerId: WORKER } as const;
const pass = (ms: number): Step => ({ kind: 'pass', ms });
const finish = (status: 'COMPLETED' | 'FAILED'): Step => ({
  ...{ kind: 'finish', workerId: WORKER, claimNo: null, status },
});
const lose = (claimNo: number): Step => ({ kind: 'lose', claimNo, reason: 'worker_exited' });
const TOO_LONG = pass(10 * MINUTE_MS);
const KEPT_LONG = pass(SETTINGS.retentionMs);

export const STANDS: readonly Stand[] = [
  { name: 'delayed', wish: { startInMs: TTL_MS }, steps: [] },
  { name: 'delayed, its start is due', wish: { startInMs: TTL_MS, ...LOW }, steps: [pass(TTL_MS)] },
  { name: 'queued', steps: [] },
  { name: 'queued low, to be escalated', wish: LOW, steps: [pass(SETTINGS.escalateAfterMs)] },
  {
    name: 'escalated, to get to the head',
    wish: LOW,
    steps: [pass(SETTINGS.escalateAfterMs), { kind: 'escalate' }, pass(20 * MINUTE_MS)],
  },
  { name: 'queued, its ttl is over', steps: [pass(TTL_MS)] },
  { name: 'queued low, its ttl is over', wish: LOW, steps: [pass(TTL_MS)] },
  { name: 'queued, about to expire', steps: [pass(TTL_MS - EDGE_MS)], isOnTheEdge: true },
  { name: 'queued again', wish: LOW, steps: [CLAIM, lose(1)] },
  { name: 'running', steps: [CLAIM] },
  { name: 'running too long', steps: [CLAIM, TOO_LONG] },
  { name: 'running again, too long', steps: [CLAIM, lose(1), CLAIM, TOO_LONG] },
  {
    name: 'running for the last time, too long',
    steps: [CLAIM, lose(1), CLAIM, lose(2), CLAIM, TOO_LONG],
  },
  { name: 'completed', steps: [CLAIM, finish('COMPLETED')] },
  { name: 'failed', steps: [CLAIM, finish('FAILED')] },
  { name: 'failed long ago', wish: UNTOLD, steps: [CLAIM, finish('FAILED'), KEPT_LONG] },
  { name: 'cancelled', steps: [{ kind: 'cancel' }] },
  { name: 'cancelled while running', steps: [CLAIM, { kind: 'cancel' }] },
  { name: 'timed out in the queue', wish: LOW, steps: [pass(TTL_MS), { kind: 'expire' }] },
  { name: 'timed out running', steps: [CLAIM, TOO_LONG, { kind: 'overrun' }] },
];

const wishOf = (stand: Stand): Wish => ({ ...WISH, ...stand.wish });

/** What the model has at this stand, and at which time of its clock. */
export const modelOf = (stand: Stand): { readonly job: Job; readonly nowMs: number } => {
  let nowMs = 0;
  let job = acceptedJob(wishOf(stand), nowMs, SETTINGS);
  for (const step of stand.steps) {
    if (step.kind === 'pass') nowMs += step.ms;
    else job = change(job, step, nowMs, SETTINGS);
  }
  return { job, nowMs };
};

/** The times at which an act may happen: before and after the deadline, where that comes. */
export const momentsOf = (stand: Stand, nowMs: number): readonly number[] =>
  stand.isOnTheEdge === true ? [nowMs, nowMs + 2 * EDGE_MS] : [nowMs];

/** Brings `count` new jobs to the stand, on the edge with deadlines a little apart. */
export const bring = async (ground: Ground, stand: Stand, count: number): Promise<JobId[]> => {
  const wish = wishOf(stand);
  const apartMs = stand.isOnTheEdge === true ? EDGE_MS / count : 0;
  const wishes = Array.from({ length: count }, (_, index) => ({
    ...wish,
    ttlMs: wish.ttlMs + Math.floor(index * apartMs),
  }));
  const jobIds = await acceptWishes(ground, wishes);
  for (const step of stand.steps) {
    if (step.kind === 'pass') await letPass(ground, jobIds, step.ms);
    else await perform(ground, step, jobIds);
  }
  return jobIds;
};
