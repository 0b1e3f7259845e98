import { STATES, type State } from '@switchyard/contracts';

/**
 * The job lifecycle as data. Pure: no clock, no I/O. To add a state, add it to STATES in
 * `contracts`; the compiler then asks for its row here.
 */
export const TRIGGERS = [
  'claim',
  'handBack',
  'requeue',
  'complete',
  'fail',
  'cancel',
  'expire',
  'overrun',
  'retry',
] as const;
export type Trigger = (typeof TRIGGERS)[number];

const TRANSITIONS: Readonly<Record<State, Readonly<Partial<Record<Trigger, State>>>>> = {
  IN_QUEUE: { claim: 'IN_PROGRESS', cancel: 'CANCELLED', expire: 'TIMED_OUT' },
  IN_PROGRESS: {
    complete: 'COMPLETED',
    fail: 'FAILED',
    cancel: 'CANCELLED',
    overrun: 'TIMED_OUT',
    handBack: 'IN_QUEUE',
    requeue: 'IN_QUEUE',
  },
  COMPLETED: {},
  FAILED: { retry: 'IN_QUEUE' },
  CANCELLED: {},
  TIMED_OUT: { retry: 'IN_QUEUE' },
};

/** Where `trigger` leads from `state`; undefined when the lifecycle forbids it. */
export const next = (state: State, trigger: Trigger): State | undefined =>
  TRANSITIONS[state][trigger];

/** The states that `trigger` may leave: the guard that its statement must carry. */
export const sourcesOf = (trigger: Trigger): readonly State[] =>
  STATES.filter((state) => next(state, trigger) !== undefined);

/** A client may stop polling: only its own retry can change such a job. */
export const isTerminal = (state: State): boolean => next(state, 'cancel') === undefined;
