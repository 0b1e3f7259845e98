import { type Static, Type } from 'typebox';

/** Seven days: the longest that a job may wait, and the longest that it may run. */
const WEEK_MS = 604_800_000;

/** The bounds are RunPod's: https://docs.runpod.io/serverless/endpoints/send-requests */
export const ExecutionTimeoutMs = Type.Integer({
  exclusiveMinimum: 5_000,
  maximum: WEEK_MS,
  description: 'How long the job may run, in ms.',
});
export const TtlMs = Type.Integer({
  minimum: 10_000,
  maximum: WEEK_MS,
  description: 'How long the job may wait in the queue, in ms.',
});

/** What a client may ask of one job; keys that it does not list are discarded. */
export const PolicySchema = Type.Object(
  {
    executionTimeout: Type.Optional(ExecutionTimeoutMs),
    ttl: Type.Optional(TtlMs),
    lowPriority: Type.Optional(
      Type.Boolean({
        description: 'Run only when no other job waits; never adds workers.',
      }),
    ),
  },
  {
    description: 'Bounds for this one job; unset fields take the defaults of the endpoint.',
  },
);
export type Policy = Static<typeof PolicySchema>;
