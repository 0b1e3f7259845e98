import { type Static, Type } from 'typebox';
import { S3_CONFIG_MAX_BYTES } from './limits.ts';
import { PolicySchema } from './policy.ts';
import { PRIORITIES, STATES } from './states.ts';

const Ms = Type.Integer({ minimum: 0 });

/** What `/status` tells of a job besides RunPod's fields. */
export const SwitchyardStatusSchema = Type.Object({
  priority: Type.Enum(PRIORITIES),
  escalatedAt: Type.Optional(Type.String()),
  attempt: Type.Integer({ minimum: 0 }),
  deadline: Type.Optional(Type.String()),
  createdAt: Type.String(),
  waiting: Type.Optional(
    Type.Object({
      reason: Type.String(),
      position: Type.Union([Type.Integer(), Type.Literal('1000+')]),
    }),
  ),
});
export type SwitchyardStatus = Static<typeof SwitchyardStatusSchema>;

const State = Type.Enum(STATES);

/** The status body; `output` and `error` are the sender's own bytes and may be any JSON. */
export const StatusBodySchema = Type.Object({
  id: Type.String(),
  status: State,
  delayTime: Type.Optional(Ms),
  executionTime: Type.Optional(Ms),
  workerId: Type.Optional(Type.String()),
  output: Type.Optional(Type.Unknown()),
  error: Type.Optional(Type.Unknown()),
  switchyard: Type.Optional(SwitchyardStatusSchema),
});
export type StatusBody = Static<typeof StatusBodySchema>;

export const AcceptedSchema = Type.Object({ id: Type.String(), status: State });

export const StreamBodySchema = Type.Object({
  status: State,
  stream: Type.Array(
    Type.Object({
      output: Type.Unknown(),
      metrics: Type.Optional(Type.Unknown()),
      switchyard: Type.Optional(Type.Object({ claim: Type.Integer(), index: Type.Integer() })),
    }),
  ),
  error: Type.Optional(Type.Unknown()),
});

export const HealthSchema = Type.Object({
  jobs: Type.Object({
    completed: Type.Integer(),
    failed: Type.Integer(),
    inProgress: Type.Integer(),
    inQueue: Type.Integer(),
    retried: Type.Integer(),
  }),
  workers: Type.Object({
    idle: Type.Integer(),
    initializing: Type.Integer(),
    ready: Type.Integer(),
    running: Type.Integer(),
    throttled: Type.Integer(),
    unhealthy: Type.Integer(),
  }),
});
export type Health = Static<typeof HealthSchema>;

export const PurgedSchema = Type.Object({
  removed: Type.Integer(),
  status: Type.Literal('completed'),
});

export const RequestsPageSchema = Type.Object({
  requests: Type.Array(
    Type.Object({
      id: Type.String(),
      status: State,
      createdAt: Type.String(),
      delayTime: Type.Optional(Ms),
      executionTime: Type.Optional(Ms),
      workerId: Type.Optional(Type.String()),
      priority: Type.Enum(PRIORITIES),
    }),
  ),
  cursor: Type.Union([Type.String(), Type.Null()]),
});
export type RequestsPage = Static<typeof RequestsPageSchema>;

export const S3ConfigSchema = Type.Record(Type.String(), Type.String(), {
  description: `For the worker, returned nowhere; at most ${S3_CONFIG_MAX_BYTES} bytes of JSON.`,
});
export type S3Config = Static<typeof S3ConfigSchema>;

export const WebhookSchema = Type.String({ minLength: 1, maxLength: 2_048 });

/** The body of a submission, over HTTP and from the broker; other keys are discarded. */
export const SubmissionSchema = Type.Object({
  input: Type.Unknown({
    description: 'Any JSON value; its bytes reach the worker as they were sent.',
  }),
  webhook: Type.Optional(Type.Union([WebhookSchema, Type.Null()])),
  policy: Type.Optional(Type.Union([PolicySchema, Type.Null()])),
  s3Config: Type.Optional(Type.Union([S3ConfigSchema, Type.Null()])),
});

export const ProblemSchema = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
  error: Type.String(),
  id: Type.Optional(Type.String()),
});

/** The media type of bulks, of what is sent and of what is answered: a JSON value on each line. */
export const NDJSON = 'application/x-ndjson';

/** The answer to one line of a bulk: its job, or why it became none. */
export const BulkAnswerSchema = Type.Union([
  AcceptedSchema,
  Type.Intersect([
    ProblemSchema,
    Type.Object({
      line: Type.Integer({ minimum: 1, description: 'Of the body, blank lines counted.' }),
      rest: Type.Optional(
        Type.Literal(true, { description: 'That of all lines from there on none was taken.' }),
      ),
      retryAfterSeconds: Type.Optional(Type.Integer()),
    }),
  ]),
]);
export type BulkAnswer = Static<typeof BulkAnswerSchema>;
