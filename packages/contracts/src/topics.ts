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
  /** From producers outside: a job to accept. Body: what `/run` takes. */
  submit: (endpointId: EndpointId) => `switchyard.submit.${endpointId}`,
  anySubmit: 'switchyard.submit.*',
  /** A question of producers outside: a job to accept. Body: what `/run` takes, and answers. */
  rpcSubmit: (endpointId: EndpointId) => `switchyard.rpc.submit.${endpointId}`,
  anyRpcSubmit: 'switchyard.rpc.submit.*',
  /** To operators: a submission that cannot be read. No body; the headers say which and why. */
  dead: (endpointId: EndpointId) => `switchyard.dead.${endpointId}`,
  anyDead: 'switchyard.dead.*',
  /** To consumers outside, from the relay: what happened to a job. Body: a CloudEvent. */
  event: (endpointId: EndpointId, event: string) => `switchyard.events.${endpointId}.${event}`,
  anyEvent: 'switchyard.events.*.*',
} as const;

const DAY_MS = 86_400_000;
const MIB = 1_048_576;

/**
 * Message ids of submissions are known from the database for a day. What the broker drops as a
 * repeat is not answered, so that it does so no longer than clients repeat by themselves. In ms.
 */
const SUBMISSIONS_DUPLICATE_MS = 1_000;

/**
 * What is stored on the broker, as its port declares it. Submissions have no bound of their own:
 * NATS sets aside what a bound allows when it makes a stream, and refuses where the disk is
 * smaller.
 */
export const streams = {
  submissions: {
    name: 'SWITCHYARD_SUBMIT',
    topics: [topics.anySubmit],
    keep: 'work',
    group: 'intake',
    duplicateWindowMs: SUBMISSIONS_DUPLICATE_MS,
  },
  events: {
    name: 'SWITCHYARD_EVENTS',
    topics: [topics.anyEvent],
    keep: 'log',
    maxAgeMs: 7 * DAY_MS,
    duplicateWindowMs: 120_000,
  },
  deadLetters: {
    name: 'SWITCHYARD_DEAD',
    topics: [topics.anyDead],
    keep: 'log',
    group: 'operators',
    maxAgeMs: 30 * DAY_MS,
    maxBytes: 64 * MIB,
    duplicateWindowMs: 120_000,
  },
} as const;
