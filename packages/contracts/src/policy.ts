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

/** The furthest that a start may lie ahead: thirty days. */
export const START_AHEAD_MAX_MS = 2_592_000_000;

/** The latest time that a Date can hold, in ms since 1970. */
const LATEST_MS = 8_640_000_000_000_000;

/** RFC 3339, section 5.6, with the offset that it demands. */
const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$/;

export const StartAfter = Type.Union([
  Type.String({ description: 'A date and time as RFC 3339 has it: 2026-12-01T08:00:00Z.' }),
  Type.Integer({ minimum: 0, maximum: LATEST_MS, description: 'Milliseconds since 1970.' }),
]);
export type StartAfter = Static<typeof StartAfter>;

/**
 * When `startAfter` is, in whole ms since 1970; undefined for text that is no date and time of
 * RFC 3339, or names a day, hour or offset that there is not.
 */
export const startAfterMs = (startAfter: StartAfter): number | undefined => {
  if (typeof startAfter === 'number') return startAfter;
  const [, date, time, fraction = '', offset] = DATE_TIME.exec(startAfter) ?? [];
  if (date === undefined || time === undefined || offset === undefined) return undefined;
  // Date takes the 31st of February for the 3rd of March.
  const day = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(day) || !new Date(day).toISOString().startsWith(date)) return undefined;
  if (!isClock(time) || !(offset.length === 1 || isClock(`${offset.slice(1)}:00`)))
    return undefined;
  const wholeMs = Date.parse(`${date}T${time}${offset.toUpperCase()}`);
  const ms = wholeMs + Math.ceil(Number(`0.${fraction || '0'}`) * 1_000);
  return Number.isNaN(ms) ? undefined : ms;
};

const isClock = (time: string): boolean => {
  const [hours = 24, minutes = 60, seconds = 60] = time.split(':').map(Number);
  return hours < 24 && minutes < 60 && seconds < 60;
};

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
