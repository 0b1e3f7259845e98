/** What clients do with one job each, from its submission to its end. */
import { setTimeout as pause } from 'node:timers/promises';
import { StreamBodySchema, validator } from '@switchyard/contracts';
import { type Answer, textIn } from '../support/call-http.ts';
import type { PatientClient } from './patient-client.ts';

export const PLAIN = 'plain';
export const STREAMING = 'streaming';

/** A job whose submission was answered, and what its client saw of it. */
export type Life = {
  readonly id: string;
  readonly endpoint: string;
  readonly cancelled: boolean;
  /** The last status; undefined when an operation failed before. */
  end?: string;
  /** The chunks that were streamed, in the order in which they came. */
  chunks?: unknown[];
};

export type Living = {
  readonly client: PatientClient;
  readonly keyPrefix: string;
  /** Entered as soon as a job is acknowledged. */
  readonly lives: Life[];
};

const TERMINAL = new Set(['COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT']);
const LOOK_AGAIN_MS = 400;
const WORK_MS = 200;
const LONG_WORK_MS = 4_000;
const WAIT_MS = 20_000;
export const CHUNKS = 6;
const CHUNK_EVERY_MS = 300;

const checkStream = validator(StreamBodySchema);
const statusIn = (answer: Answer): string => textIn(answer, 'status');

type Submission = {
  readonly how: 'run' | 'runsync';
  readonly endpoint: string;
  readonly input: object;
  readonly cancelled?: boolean;
};

const submit = async (living: Living, n: number, submission: Submission) => {
  const { how, endpoint, input, cancelled = false } = submission;
  const query = how === 'runsync' ? `?wait=${WAIT_MS}` : '';
  const answer = await living.client.ask(how, `POST /v2/${endpoint}/${how}${query}`, {
    body: { input },
    headers: { 'idempotency-key': `${living.keyPrefix}${n}` },
  });
  const life: Life = { id: textIn(answer, 'id'), endpoint, cancelled };
  living.lives.push(life);
  return { life, status: statusIn(answer) };
};

const askStatus = async ({ client }: Living, { endpoint, id }: Life): Promise<string> =>
  statusIn(await client.ask('status', `GET /v2/${endpoint}/status/${id}`));

const untilEnd = async (living: Living, life: Life): Promise<void> => {
  for (;;) {
    const status = await askStatus(living, life);
    if (TERMINAL.has(status)) {
      life.end = status;
      return;
    }
    await pause(LOOK_AGAIN_MS);
  }
};

/** Submits with `/run` and asks for the status until it is terminal. */
const poll = async (living: Living, n: number): Promise<void> => {
  const input = { do: 'sleep', ms: WORK_MS };
  const { life } = await submit(living, n, { how: 'run', endpoint: PLAIN, input });
  await untilEnd(living, life);
};

/** Submits with `/runsync`, and waits with `/status-sync` for as long as it is not terminal. */
const wait = async (living: Living, n: number): Promise<void> => {
  const input = { do: 'sleep', ms: WORK_MS };
  let { life, status } = await submit(living, n, { how: 'runsync', endpoint: PLAIN, input });
  while (!TERMINAL.has(status)) {
    const line = `GET /v2/${PLAIN}/status-sync/${life.id}?wait=${WAIT_MS}`;
    status = statusIn(await living.client.ask('status-sync', line));
  }
  life.end = status;
};

/** Cancels it before it starts or in the middle of it. */
const cancel = async (living: Living, n: number): Promise<void> => {
  const submission = { how: 'run', endpoint: PLAIN, cancelled: true } as const;
  const input = { do: 'sleep', ms: LONG_WORK_MS };
  const { life } = await submit(living, n, { ...submission, input });
  await pause((n % 7) * 200);
  await living.client.ask('cancel', `POST /v2/${PLAIN}/cancel/${life.id}`, { body: {} });
  await untilEnd(living, life);
};

/** Reads its chunks as they come. */
const stream = async (living: Living, n: number): Promise<void> => {
  const input = { count: CHUNKS, everyMs: CHUNK_EVERY_MS };
  const { life } = await submit(living, n, { how: 'run', endpoint: STREAMING, input });
  life.chunks = [];
  for (;;) {
    const line = `GET /v2/${STREAMING}/stream/${life.id}?from=${life.chunks.length}`;
    const { text } = await living.client.ask('stream', line);
    const read = checkStream(JSON.parse(text));
    if (!read.ok) throw new Error(`${read.detail} ${text}`);
    life.chunks.push(...read.value.stream.map(({ output }) => output));
    if (!TERMINAL.has(read.value.status)) continue;
    life.end = read.value.status;
    return;
  }
};

const WAYS = [poll, wait, poll, cancel, stream, poll, wait, cancel, poll, stream] as const;

/** Submits job `n` and does with it what its turn is, until it has ended. */
export const liveThrough = (living: Living, n: number): Promise<void> =>
  (WAYS[n % WAYS.length] ?? poll)(living, n);
