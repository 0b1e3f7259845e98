import { type Static, Type } from 'typebox';
import { EVENTS } from './events.ts';
import { PRIORITIES, STATES } from './states.ts';

/** What `/v1` tells operators of jobs, workers and changes. Times are ISO 8601, durations ms. */

const Ms = Type.Integer({ minimum: 0 });
const Nullable = <Schema extends ReturnType<typeof Type.String | typeof Type.Integer>>(
  schema: Schema,
) => Type.Union([schema, Type.Null()]);

const summary = {
  id: Type.String(),
  endpoint: Type.String(),
  status: Type.Enum(STATES),
  priority: Type.Enum(PRIORITIES),
  createdAt: Type.String(),
  delayTime: Type.Optional(Ms),
  executionTime: Type.Optional(Ms),
  workerId: Type.Optional(Type.String()),
};

export const JobSummarySchema = Type.Object(summary);
export type JobSummary = Static<typeof JobSummarySchema>;

export const JobsPageSchema = Type.Object({
  jobs: Type.Array(JobSummarySchema),
  cursor: Type.Union([Type.String(), Type.Null()], {
    description: 'Null on the last page. A page before it may hold few jobs, or none.',
  }),
});
export type JobsPage = Static<typeof JobsPageSchema>;

export const JobEventSchema = Type.Object({
  seq: Type.Integer({ minimum: 1 }),
  event: Type.Enum(EVENTS),
  at: Type.String(),
  attempt: Type.Optional(
    Type.Integer({ minimum: 1, description: 'The attempt that began, went on or ended then.' }),
  ),
  claimNo: Type.Optional(Type.Integer({ minimum: 1 })),
  workerId: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String({ description: 'A stable word.' })),
  spent: Type.Optional(
    Type.Boolean({ description: 'Of requeued: whether the attempt counts towards the limit.' }),
  ),
  text: Type.String({ description: 'What happened, as a sentence.' }),
});
export type JobEvent = Static<typeof JobEventSchema>;

const JobDelivery = Type.Object({
  id: Type.String(),
  target: Type.String({ description: 'Where it goes, without path and query.' }),
  outcome: Nullable(Type.String()),
  createdAt: Type.String(),
  closedAt: Nullable(Type.String()),
  tries: Type.Array(
    Type.Object({
      n: Type.Integer(),
      startedAt: Nullable(Type.String()),
      durationMs: Nullable(Type.Integer()),
      outcome: Nullable(Type.String()),
      responseStatus: Nullable(Type.Integer()),
      error: Nullable(Type.String()),
    }),
  ),
});
export type JobDelivery = Static<typeof JobDelivery>;

export const JobDetailSchema = Type.Object({
  ...summary,
  escalatedAt: Type.Optional(Type.String()),
  startAt: Type.Optional(Type.String({ description: 'While that has not come.' })),
  deadline: Type.Optional(Type.String()),
  waiting: Type.Optional(
    Type.Object({
      reason: Type.String(),
      position: Type.Union([Type.Integer(), Type.Literal('1000+')]),
    }),
  ),
  attempt: Type.Integer({ minimum: 0 }),
  maxAttempts: Type.Integer({ minimum: 1 }),
  policy: Type.Object({
    executionTimeout: Ms,
    ttl: Ms,
    lowPriority: Type.Boolean(),
  }),
  inputBytes: Type.Integer({ minimum: 0 }),
  error: Type.Optional(Type.String({ description: 'Why it failed, cut to 4,000 characters.' })),
  events: Type.Array(JobEventSchema, { description: 'Oldest first.' }),
  deliveries: Type.Array(JobDelivery, { description: 'Its webhook, told once an end.' }),
});
export type JobDetail = Static<typeof JobDetailSchema>;

/** `lost` is a worker that was not heard of for half a minute. */
const WORKER_STATES = ['starting', 'live', 'draining', 'unhealthy', 'lost'] as const;

export const WorkerInfoSchema = Type.Object({
  id: Type.String(),
  endpoint: Type.String(),
  state: Type.Enum(WORKER_STATES),
  reason: Nullable(Type.String()),
  slots: Type.Integer({ minimum: 0 }),
  jobs: Type.Array(Type.String(), { description: 'The jobs that it runs.' }),
  supervisor: Type.String({ description: 'The instance that heard it last.' }),
  firstSeenAt: Type.String(),
  seenAt: Type.String(),
});
export type WorkerInfo = Static<typeof WorkerInfoSchema>;

export const SupervisorInfoSchema = Type.Object({
  instance: Type.String(),
  host: Type.String(),
  pid: Type.Integer(),
  alive: Type.Boolean(),
  workers: Type.Integer({ minimum: 0 }),
  beatingSince: Type.String(),
  lastBeatAt: Type.String(),
});
export type SupervisorInfo = Static<typeof SupervisorInfoSchema>;

export const AuditEntrySchema = Type.Object({
  id: Type.Integer(),
  at: Type.String(),
  key: Type.String({ description: 'The id of the key that did it.' }),
  action: Type.String(),
  target: Type.String(),
});
export type AuditEntry = Static<typeof AuditEntrySchema>;

export const AuditPageSchema = Type.Object({
  entries: Type.Array(AuditEntrySchema),
  cursor: Nullable(Type.String()),
});
export type AuditPage = Static<typeof AuditPageSchema>;
