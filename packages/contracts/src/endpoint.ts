import { type Static, Type } from 'typebox';
import { EndpointIdSchema } from './ids.ts';
import { ExecutionTimeoutMs, TtlMs } from './policy.ts';

const strict = { additionalProperties: false } as const;
const YEAR_MS = 31_536_000_000;
const Count = (maximum: number, minimum = 0) => Type.Integer({ minimum, maximum });

const WorkerSettings = Type.Object(
  {
    template: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        pattern: '^[A-Za-z0-9._-]+$',
        description: 'Required where the endpoint has none so far.',
      }),
    ),
    concurrency: Type.Optional(Count(10_000, 1)),
    minimum: Type.Optional(Count(1_000)),
    maximum: Type.Optional(Count(1_000)),
    idleTimeoutMs: Type.Optional(Count(YEAR_MS)),
  },
  {
    ...strict,
    description: 'The processes that a supervisor starts from one of its templates.',
  },
);

export const SCALING_RULES = ['QUEUE_DELAY', 'REQUEST_COUNT'] as const;

const ScalingSettings = Type.Object(
  {
    rule: Type.Optional(Type.Enum(SCALING_RULES)),
    value: Type.Optional(Count(1_000_000, 1)),
  },
  strict,
);

const DefaultSettings = Type.Object(
  {
    executionTimeoutMs: Type.Optional(ExecutionTimeoutMs),
    ttlMs: Type.Optional(TtlMs),
  },
  strict,
);

const LimitSettings = Type.Object(
  {
    maxQueued: Type.Optional(Type.Union([Count(1_000_000_000, 1), Type.Null()])),
    maxConcurrent: Type.Optional(Type.Union([Count(1_000_000, 1), Type.Null()])),
    maxAttempts: Type.Optional(Count(100, 1)),
  },
  strict,
);

const fields = {
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  worker: Type.Optional(Type.Union([WorkerSettings, Type.Null()])),
  scaling: Type.Optional(ScalingSettings),
  defaults: Type.Optional(DefaultSettings),
  limits: Type.Optional(LimitSettings),
  escalateAfterMs: Type.Optional(Count(604_800_000, 1_000)),
  retentionMs: Type.Optional(Count(YEAR_MS, 1_000)),
};

/** What `switchyard.yaml` and PATCH say of an endpoint: any subset of its settings. */
export const EndpointSettingsSchema = Type.Object(fields, strict);
export type EndpointSettings = Static<typeof EndpointSettingsSchema>;

export const CreateEndpointSchema = Type.Object({ id: EndpointIdSchema, ...fields }, strict);
export type CreateEndpoint = Static<typeof CreateEndpointSchema>;

/** An endpoint with every setting resolved: what the API answers and services work with. */
export const EndpointSchema = Type.Object({
  id: EndpointIdSchema,
  name: Type.String(),
  worker: Type.Union([
    Type.Object({
      template: Type.String(),
      concurrency: Type.Integer(),
      minimum: Type.Integer(),
      maximum: Type.Integer(),
      idleTimeoutMs: Type.Integer(),
    }),
    Type.Null(),
  ]),
  scaling: Type.Object({
    rule: Type.Enum(SCALING_RULES),
    value: Type.Integer(),
  }),
  defaults: Type.Object({
    executionTimeoutMs: Type.Integer(),
    ttlMs: Type.Integer(),
  }),
  limits: Type.Object({
    maxQueued: Type.Union([Type.Integer(), Type.Null()]),
    maxConcurrent: Type.Union([Type.Integer(), Type.Null()]),
    maxAttempts: Type.Integer(),
  }),
  escalateAfterMs: Type.Integer(),
  retentionMs: Type.Integer(),
  paused: Type.Boolean(),
});
export type Endpoint = Static<typeof EndpointSchema>;
/** The part of an endpoint that its owner sets. */
export type ResolvedSettings = Omit<Endpoint, 'id' | 'paused'>;
