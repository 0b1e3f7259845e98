import { randomFillSync, randomUUID } from 'node:crypto';
import { Type } from 'typebox';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A named queue with its settings and workers. */
export type EndpointId = Branded<'EndpointId'>;
/** A job as clients see it: a UUIDv7 (RFC 9562), behind `sync-` when `/runsync` made it. */
export type JobId = Branded<'JobId'>;
/** One incarnation of a worker, named by whoever started it. */
export type WorkerId = Branded<'WorkerId'>;
/** One start of a service process. */
export type InstanceId = Branded<'InstanceId'>;

const ENDPOINT_ID = /^[a-z0-9-]{1,64}$/;
const WORKER_ID = /^[A-Za-z0-9._-]{1,128}$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const SYNC_PREFIX = 'sync-';

export const EndpointIdSchema = Type.String({
  pattern: ENDPOINT_ID.source,
  description: 'Lower-case letters, digits and dashes, 1 to 64 of them.',
});

/** The endpoint id in `text`, or undefined where the text breaks the grammar. */
export const parseEndpointId = (text: string): EndpointId | undefined =>
  ENDPOINT_ID.test(text) ? (text as EndpointId) : undefined;

/** The worker id in `text` (1 to 128 letters, digits, dots, dashes, underscores), or undefined. */
export const parseWorkerId = (text: string): WorkerId | undefined =>
  WORKER_ID.test(text) ? (text as WorkerId) : undefined;

/**
 * The job id in `text`, or undefined. Whether a job is a `sync-` one is the last bit of its UUID,
 * so that a prefix that was added or taken away names no job.
 */
export const parseJobId = (text: string): JobId | undefined => {
  const sync = text.startsWith(SYNC_PREFIX);
  const uuid = sync ? text.slice(SYNC_PREFIX.length) : text;
  return UUID_V7.test(uuid) && isSync(uuid) === sync ? (text as JobId) : undefined;
};

/** The UUID that the database keeps for `jobId`. */
export const uuidOf = (jobId: JobId): string =>
  jobId.startsWith(SYNC_PREFIX) ? jobId.slice(SYNC_PREFIX.length) : jobId;

/** The id as clients know it, of a UUID read from the database. */
export const jobIdOf = (uuid: string): JobId =>
  (isSync(uuid) ? `${SYNC_PREFIX}${uuid}` : uuid) as JobId;

/** When the job was made, in ms since 1970 by the clock of the intake that made it. */
export const madeAtMs = (jobId: JobId): number => {
  const uuid = uuidOf(jobId);
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
};

/** The smallest UUID that a job made at `atMs` or later can have. */
export const earliestUuid = (atMs: number): string => {
  const hex = Math.floor(atMs).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
};

const isSync = (uuid: string): boolean => (Number.parseInt(uuid.slice(-1), 16) & 1) === 1;

/** Random bytes, eight an id: one call for many is what makes ids cheap. */
const pool = Buffer.alloc(8 * 512);
let poolAt = pool.length;
let lastMs = 0;
let counter = 0;

/** The text of the last id: what the ids of a millisecond have in common is written once. */
const text = Buffer.from('00000000-0000-7000-8000-000000000000');
/** Where the count within the millisecond stands, in three digits. */
const COUNT_AT = 15;
/** Where the two digits of each random byte stand. */
const RANDOM_AT = [19, 21, 24, 26, 28, 30, 32, 34] as const;
const DIGITS = Buffer.from('0123456789abcdef');

/**
 * A new job id. Ids of one process rise strictly, so that fresh rows stand side by side in the
 * indexes: 12 bits behind the time count within the millisecond, 61 bits are random.
 */
export const newJobId = (kind: 'async' | 'sync'): JobId => {
  tick();
  if (poolAt === pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const last = poolAt + RANDOM_AT.length - 1;
  // Two bits are RFC 9562's variant; another one tells `sync` ids.
  pool[poolAt] = ((pool[poolAt] ?? 0) & 0x3f) | 0x80;
  pool[last] = ((pool[last] ?? 0) & 0xfe) | (kind === 'sync' ? 1 : 0);
  for (const at of RANDOM_AT) {
    const byte = pool[poolAt] ?? 0;
    writeDigit(at, byte >> 4);
    writeDigit(at + 1, byte);
    poolAt += 1;
  }
  const id = text.toString('latin1');
  return (kind === 'sync' ? `${SYNC_PREFIX}${id}` : id) as JobId;
};

const writeDigit = (at: number, value: number): void => {
  text[at] = DIGITS[value & 0xf] ?? 0;
};

/** Counts on within a millisecond; in a new one, or when the count is full, begins anew. */
const tick = (): void => {
  const nowMs = Date.now();
  if (nowMs <= lastMs && counter < 0xfff) {
    counter += 1;
  } else {
    lastMs = Math.max(nowMs, lastMs + 1);
    counter = 0;
    const time = lastMs.toString(16).padStart(12, '0');
    text.write(`${time.slice(0, 8)}-${time.slice(8)}`, 'latin1');
  }
  writeDigit(COUNT_AT, counter >> 8);
  writeDigit(COUNT_AT + 1, counter >> 4);
  writeDigit(COUNT_AT + 2, counter);
};

/** A name for this start of a process. */
export const newInstanceId = (): InstanceId => randomUUID() as InstanceId;
