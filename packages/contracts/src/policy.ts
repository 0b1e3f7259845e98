import { type Static, Type } from 'typebox';
import { momentMs } from './moment.ts';

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

/** The furthest that a start may lie ahead: thirty days. */
export const START_AHEAD_MAX_MS = 2_592_000_000;

/** The latest time that a Date can hold, in ms since 1970. */
const LATEST_MS = 8_640_000_000_000_000;

export const StartAfter = Type.Union([
  Type.String({ description: 'ISO 8601, in UTC where it names no zone: 2026-12-01T08:00:00Z.' }),
  Type.Integer({ minimum: 0, maximum: LATEST_MS, description: 'Milliseconds since 1970.' }),
]);
export type StartAfter = Static<typeof StartAfter>;

/** When `startAfter` is, in whole ms since 1970; undefined for text that is no moment. */
export const startAfterMs = (startAfter: StartAfter): number | undefined =>
  typeof startAfter === 'number' ? startAfter : momentMs(startAfter);

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
    startAfter: Type.Optional(StartAfter),
  },
  {
    description: 'Bounds for this one job; unset fields take the defaults of the endpoint.',
  },
);
export type Policy = Static<typeof PolicySchema>;
