import type { EndpointId, InstanceId } from './ids.ts';

/**
 * Every name on the broker. Commands are imperative, events past. Hints may be lost: behind each
 * stands a periodic look at the database.
 */
export const topics = {
  /** To all schedulers: this endpoint has something to claim. Empty body. */
  nudge: (endpointId: EndpointId) => `switchyard.hint.nudge.${endpointId}`,
  anyNudge: 'switchyard.hint.nudge.*',
  /** To one scheduler: the free slots of a supervisor, whole. Body: Demand. */
  demand: (scheduler: InstanceId) => `switchyard.hint.demand.${scheduler}`,
  /** To one supervisor: claimed jobs. Body: a frame with an Assign header. */
  assign: (supervisor: InstanceId) => `switchyard.hint.assign.${supervisor}`,
  /** To all supervisors: a scheduler lives. Body: Beat. */
  schedulerBeat: 'switchyard.hint.scheduler-beat',
  /** To all supervisors: end these jobs. Body: Stop. */
  stop: 'switchyard.hint.stop',
  /** To all intakes: these jobs changed state. Body: Changed. */
  changed: 'switchyard.hint.changed',
  /** To all intakes: a worker's progress. Body: a frame with a Progress header. */
  progress: 'switchyard.hint.progress',
  /** To all: the settings of an endpoint, or a key, changed. Body: Reconfigured. */
  reconfigured: 'switchyard.hint.reconfigured',
  /** To notifiers: a delivery is due. Empty body. */
  due: 'switchyard.hint.due',
  /** To the relay: the event log grew. Empty body. */
  appended: 'switchyard.hint.appended',
  /** To consumers outside, from the relay: what happened to a job. Body: a CloudEvent. */
  event: (endpointId: EndpointId, event: string) => `switchyard.events.${endpointId}.${event}`,
} as const;

/** The stream that carries lifecycle events; adapters declare it where the broker has streams. */
export const EVENTS_STREAM = 'SWITCHYARD_EVENTS';
export const EVENTS_TOPICS = ['switchyard.events.*.*'] as const;
