/** The log of events read back: what a job is after each of them, and what may follow what. */
import { EVENTS, type EventName, type State } from '@switchyard/contracts';
import { next, type Trigger } from './transitions.ts';

/** The state that a job is in after each event. */
export const STATE_AFTER: Readonly<Record<EventName, State>> = {
  accepted: 'IN_QUEUE',
  started: 'IN_PROGRESS',
  escalated: 'IN_QUEUE',
  requeued: 'IN_QUEUE',
  completed: 'COMPLETED',
  failed: 'FAILED',
  cancelled: 'CANCELLED',
  timed_out: 'TIMED_OUT',
  retried: 'IN_QUEUE',
};

/** The triggers that an event stands for; `accepted` and `escalated` change no state. */
const TRIGGERS_OF: Readonly<Record<EventName, readonly Trigger[]>> = {
  accepted: [],
  started: ['claim'],
  escalated: [],
  requeued: ['handBack', 'requeue'],
  completed: ['complete'],
  failed: ['fail'],
  cancelled: ['cancel'],
  timed_out: ['expire', 'overrun'],
  retried: ['retry'],
};

/** Whether the lifecycle lets `event` be the next one of a job after `before`. */
export const mayFollow = (before: EventName, event: EventName): boolean => {
  const from = STATE_AFTER[before];
  // A job is escalated while it is queued, and once until it ends.
  if (event === 'escalated') return from === 'IN_QUEUE' && before !== 'escalated';
  return TRIGGERS_OF[event].some((trigger) => next(from, trigger) === STATE_AFTER[event]);
};

/** Every pair of events that may stand behind one another. */
export const legalSteps = (): readonly (readonly [before: EventName, event: EventName])[] =>
  EVENTS.flatMap((before) =>
    EVENTS.filter((event) => mayFollow(before, event)).map((event) => [before, event] as const),
  );
