/**
 * A job as the lifecycle has it, without a database: what each act makes of it, by the rules of
 * `packages/lifecycle` alone. Times are ms of a clock that only the tests turn.
 */
import type { EventName, State } from '@switchyard/contracts';
import {
  afterLoss,
  escalatesAfterMs,
  isTerminal,
  next,
  RANK,
  type Rank,
  rankOf,
  returnedRank,
  spendsAttempt,
  type Trigger,
} from '@switchyard/lifecycle';
import type { Act } from './acts.ts';

export type Settings = {
  readonly maxAttempts: number;
  readonly escalateAfterMs: number;
  readonly retentionMs: number;
};

/** What a submission says of a job. */
export type Wish = {
  readonly isLow: boolean;
  readonly ttlMs: number;
  readonly executionTimeoutMs: number;
  /** Null for at once. */
  readonly startInMs: number | null;
  readonly hasWebhook: boolean;
  readonly hasSecret: boolean;
};

export type Job = {
  readonly wish: Wish;
  readonly state: State;
  readonly isDelayed: boolean;
  /** Forgotten, because it ended long ago. */
  readonly isGone: boolean;
  readonly rank: Rank;
  readonly isEscalated: boolean;
  readonly claimNo: number;
  readonly attempts: number;
  readonly workerId: string | null;
  readonly events: readonly EventName[];
  /** Since the last retry: each as its claim and its number within it. */
  readonly chunks: readonly string[];
  readonly hasSecret: boolean;
  /** The ends that a webhook is to tell. */
  readonly deliveries: number;
  readonly startAtMs: number;
  readonly deadlineMs: number;
  readonly escalateAtMs: number | null;
  readonly startedAtMs: number;
  readonly ttlLeftMs: number;
  readonly finishedAtMs: number;
};

/** What of a job the database shows. */
export type SeenJob = Omit<Job, 'wish' | `${string}Ms`>;

/** A worker is lost when it was not heard of for longer. */
const LOST_MS = 30_000;

const escalatesAt = (wish: Wish, fromMs: number, { escalateAfterMs }: Settings): number | null =>
  wish.isLow ? fromMs + escalatesAfterMs(wish.ttlMs, escalateAfterMs) : null;

/** A job that was accepted at `nowMs`. */
export const acceptedJob = (wish: Wish, nowMs: number, settings: Settings): Job => {
  const startAtMs = nowMs + (wish.startInMs ?? 0);
  return {
    wish,
    state: 'IN_QUEUE',
    isDelayed: wish.startInMs !== null,
    isGone: false,
    rank: rankOf(wish.isLow ? 'low' : 'high'),
    isEscalated: false,
    claimNo: 0,
    attempts: 0,
    workerId: null,
    events: ['accepted'],
    chunks: [],
    hasSecret: wish.hasSecret,
    deliveries: 0,
    startAtMs,
    deadlineMs: startAtMs + wish.ttlMs,
    escalateAtMs: escalatesAt(wish, startAtMs, settings),
    startedAtMs: 0,
    ttlLeftMs: 0,
    finishedAtMs: 0,
  };
};

/** Moves `job` along the table of the lifecycle; the same job where that has no such way. */
const move = (job: Job, trigger: Trigger, event: EventName, change: Partial<Job>): Job => {
  const state = next(job.state, trigger);
  return state === undefined
    ? job
    : { ...job, state, events: [...job.events, event], isDelayed: false, ...change };
};

const end = (
  job: Job,
  trigger: Trigger,
  event: EventName,
  nowMs: number,
  attempts = job.attempts,
): Job => {
  const ended = move(job, trigger, event, { attempts, finishedAtMs: nowMs });
  if (ended === job) return job;
  const isOver = ended.state === 'COMPLETED' || ended.state === 'CANCELLED';
  return {
    ...ended,
    workerId: job.state === 'IN_PROGRESS' ? job.workerId : null,
    hasSecret: job.hasSecret && !isOver,
    deliveries: job.deliveries + (job.wish.hasWebhook ? 1 : 0),
  };
};

const isQueued = (job: Job): boolean => job.state === 'IN_QUEUE' && !job.isDelayed;

const isHeldBy = (job: Job, workerId: string, claimNo: number | null): boolean =>
  job.state === 'IN_PROGRESS' &&
  job.workerId === workerId &&
  (claimNo === null || job.claimNo === claimNo);

const lose = (
  job: Job,
  { claimNo, reason }: Extract<Act, { kind: 'lose' }>,
  nowMs: number,
  { maxAttempts }: Settings,
): Job => {
  if (job.state !== 'IN_PROGRESS' || job.claimNo !== claimNo) return job;
  const isSpent = spendsAttempt(reason);
  const { kind, attempts } = afterLoss(job.attempts, maxAttempts, isSpent);
  if (kind === 'fail') return end(job, 'fail', 'failed', nowMs, attempts);
  const ranMs = nowMs - job.startedAtMs;
  return move(job, isSpent ? 'requeue' : 'handBack', 'requeued', {
    attempts,
    workerId: null,
    rank: isSpent ? returnedRank(job.rank) : job.rank,
    deadlineMs: nowMs + job.ttlLeftMs,
    escalateAtMs: job.escalateAtMs === null ? null : job.escalateAtMs + ranMs,
  });
};

/** A low job becomes high; whatever is raised from elsewhere gets to the head of the queue. */
const escalate = (job: Job, nowMs: number, { escalateAfterMs }: Settings): Job => {
  if (!isQueued(job) || job.escalateAtMs === null || job.escalateAtMs > nowMs) return job;
  const halfMs = (job.deadlineMs - nowMs) / 2;
  return {
    ...job,
    rank: job.rank === RANK.low ? RANK.high : RANK.highReturned,
    escalateAtMs: job.rank === RANK.low ? nowMs + Math.min(escalateAfterMs, halfMs) : null,
    isEscalated: true,
    events: job.isEscalated ? job.events : [...job.events, 'escalated'],
  };
};

/** A chunk that is there already changes nothing, and is taken all the same. */
const append = (job: Job, act: Extract<Act, { kind: 'chunk' }>): Job => {
  if (!isHeldBy(job, act.workerId, act.numbered?.claimNo ?? null)) return job;
  const ofClaim = job.chunks.filter((chunk) => chunk.startsWith(`${job.claimNo}/`));
  const chunk = `${job.claimNo}/${act.numbered?.seq ?? ofClaim.length}`;
  return { ...job, chunks: ofClaim.includes(chunk) ? job.chunks : [...job.chunks, chunk] };
};

const retry = (job: Job, nowMs: number, settings: Settings): Job =>
  move(job, 'retry', 'retried', {
    rank: rankOf(job.wish.isLow ? 'low' : 'high'),
    isEscalated: false,
    attempts: 0,
    workerId: null,
    chunks: [],
    deadlineMs: nowMs + job.wish.ttlMs,
    escalateAtMs: escalatesAt(job.wish, nowMs, settings),
  });

const claim = (job: Job, workerId: string, nowMs: number): Job =>
  isQueued(job) && job.deadlineMs > nowMs
    ? move(job, 'claim', 'started', {
        claimNo: job.claimNo + 1,
        workerId,
        startedAtMs: nowMs,
        ttlLeftMs: job.deadlineMs - nowMs,
      })
    : job;

const finish = (job: Job, act: Extract<Act, { kind: 'finish' }>, nowMs: number): Job => {
  if (!isHeldBy(job, act.workerId, act.claimNo)) return job;
  const attempts = job.attempts + 1;
  return act.status === 'COMPLETED'
    ? end(job, 'complete', 'completed', nowMs, attempts)
    : end(job, 'fail', 'failed', nowMs, attempts);
};

const recover = (job: Job, nowMs: number, settings: Settings): Job => {
  const lost = { kind: 'lose', claimNo: job.claimNo, reason: 'worker_lost' } as const;
  return nowMs - job.startedAtMs > LOST_MS ? lose(job, lost, nowMs, settings) : job;
};

const expire = (job: Job, nowMs: number): Job =>
  isQueued(job) && job.deadlineMs <= nowMs ? end(job, 'expire', 'timed_out', nowMs) : job;

const overrun = (job: Job, nowMs: number): Job =>
  job.startedAtMs + job.wish.executionTimeoutMs <= nowMs
    ? end(job, 'overrun', 'timed_out', nowMs, job.attempts + 1)
    : job;

const start = (job: Job, nowMs: number): Job =>
  job.isDelayed && job.startAtMs <= nowMs ? { ...job, isDelayed: false } : job;

/** What `act` makes of `job` at `nowMs`: the very same job where it is refused. */
export const change = (job: Job, act: Act, nowMs: number, settings: Settings): Job => {
  if (job.isGone) return job;
  switch (act.kind) {
    case 'claim':
      return claim(job, act.workerId, nowMs);
    case 'finish':
      return finish(job, act, nowMs);
    case 'chunk':
      return append(job, act);
    case 'lose':
      return lose(job, act, nowMs, settings);
    case 'recover':
      return recover(job, nowMs, settings);
    case 'cancel':
      return end(job, 'cancel', 'cancelled', nowMs);
    case 'purge':
      return job.state === 'IN_QUEUE' ? end(job, 'cancel', 'cancelled', nowMs) : job;
    case 'expire':
      return expire(job, nowMs);
    case 'overrun':
      return overrun(job, nowMs);
    case 'escalate':
      return escalate(job, nowMs, settings);
    case 'start':
      return start(job, nowMs);
    case 'retry':
      return retry(job, nowMs, settings);
    case 'retire':
      return mayRetire(job, nowMs, settings) ? { ...job, isGone: true } : job;
  }
  return act satisfies never;
};

/** A delivery that is open keeps its job, and no test closes one. */
const mayRetire = (job: Job, nowMs: number, { retentionMs }: Settings): boolean =>
  isTerminal(job.state) && job.deliveries === 0 && job.finishedAtMs + retentionMs <= nowMs;

/** All of a job that the database shows, as a sentence that two can be compared by. */
export const describeJob = (job: SeenJob): string => {
  if (job.isGone) return 'gone';
  const parts = [
    `${job.state}${job.isDelayed ? ', delayed,' : ''} at rank ${job.rank}`,
    ...(job.isEscalated ? ['escalated'] : []),
    `claim ${job.claimNo}`,
    `${job.attempts} attempts`,
    ...(job.workerId === null ? [] : [job.workerId]),
    `chunks [${job.chunks.join(' ')}]`,
    ...(job.hasSecret ? ['a secret'] : []),
    `${job.deliveries} deliveries`,
  ];
  return `${parts.join(', ')}: ${job.events.join(' ')}`;
};
