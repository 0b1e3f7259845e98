import type { Priority } from '@switchyard/contracts';

/** Every cause that a queued job may wait for; the first that holds is told. */
export const WAITING_CAUSES = [
  'before_start',
  'paused',
  'limit_reached',
  'crash_looping',
  'workers_starting',
  'workers_unhealthy',
  'low_starts_none',
  'no_worker',
  'low_behind_high',
  'all_busy',
  'next_in_line',
] as const;
export type WaitingCause = (typeof WAITING_CAUSES)[number];

/** What is known of a queued job and its endpoint. */
export type WaitingFacts = {
  readonly priority: Priority;
  /** While its start time has not come. */
  readonly startAt: Date | null;
  readonly paused: boolean;
  readonly running: number;
  readonly maxConcurrent: number | null;
  readonly isHighWaiting: boolean;
  readonly workers: {
    readonly ready: number;
    /** Of those, the ones that hold no job. */
    readonly idle: number;
    readonly initializing: number;
    readonly unhealthy: number;
  };
  /** The last error of workers that fail again and again; undefined where none do. */
  readonly crashError: string | undefined;
};

/** Whether a cause is why the job waits, if none before it is. */
const HOLDS: Readonly<Record<WaitingCause, (facts: WaitingFacts) => boolean>> = {
  before_start: ({ startAt }) => startAt !== null,
  paused: ({ paused }) => paused,
  limit_reached: ({ running, maxConcurrent }) => maxConcurrent !== null && running >= maxConcurrent,
  crash_looping: ({ workers, crashError }) => workers.ready === 0 && crashError !== undefined,
  workers_starting: ({ workers }) => workers.ready === 0 && workers.initializing > 0,
  workers_unhealthy: ({ workers }) => workers.ready === 0 && workers.unhealthy > 0,
  low_starts_none: ({ workers, priority }) => workers.ready === 0 && priority === 'low',
  no_worker: ({ workers }) => workers.ready === 0,
  low_behind_high: ({ priority, isHighWaiting }) => priority === 'low' && isHighWaiting,
  all_busy: ({ workers }) => workers.idle === 0,
  next_in_line: () => true,
};

/** Why a queued job waits. */
export const waitingCause = (facts: WaitingFacts): WaitingCause =>
  WAITING_CAUSES.find((cause) => HOLDS[cause](facts)) ?? 'next_in_line';

/**
 * The sentence for it. People read it and dashboards group by it: each is stable up to its colon,
 * and described in docs/waiting.md.
 */
export const waitingReason = (facts: WaitingFacts): string => {
  const cause = waitingCause(facts);
  switch (cause) {
    case 'before_start':
      return `Its start time has not come: ${facts.startAt?.toISOString()}.`;
    case 'paused':
      return 'The endpoint is paused.';
    case 'limit_reached':
      return `The endpoint runs as many jobs as its limit allows: ${facts.maxConcurrent}.`;
    case 'crash_looping':
      return `Workers fail again and again: ${facts.crashError}`;
    case 'workers_starting':
      return 'Workers are starting.';
    case 'workers_unhealthy':
      return 'All workers are unhealthy.';
    case 'low_starts_none':
      return 'There is no worker yet, and low priority starts none.';
    case 'no_worker':
      return 'There is no worker yet.';
    case 'low_behind_high':
      return 'Low priority waits for high.';
    case 'all_busy':
      return 'All workers are busy.';
    case 'next_in_line':
      return 'It is next in line for a free worker.';
    default:
      throw new TypeError(`no such cause: ${cause satisfies never}`);
  }
};
