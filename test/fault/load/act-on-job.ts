import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Operation } from '../history.ts';
import type { Reply } from './ask-api.ts';
import { type Client, factOf } from './client.ts';
import type { DrawnJob } from './draw-job.ts';

const TRIES_MAX = 8;
const TRY_AGAIN_MS = 1_000;
const CANCEL_WITHIN_MS = 1_500;
const END_WAIT_MS = 60_000;
const LOOK_EVERY_MS = 500;

const ENDED = new Set(['COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT']);

/** Does with an accepted job what was drawn for it, and writes it down. */
export const followJob = async (client: Client, job: DrawnJob, jobId: string): Promise<void> => {
  switch (job.afterwards) {
    case 'nothing':
      return;
    case 'look':
      await untilEnded(client, job, jobId);
      return;
    case 'cancel':
      await pause(client.random.whole(0, CANCEL_WITHIN_MS));
      await repeat(client, job, jobId, 'cancel');
      return;
    case 'retry':
      if (await untilEnded(client, job, jobId)) await repeat(client, job, jobId, 'retry');
      return;
    case 'stream':
      return readStream(client, job, jobId);
    default:
      job.afterwards satisfies never;
  }
};

const note = (
  { journal }: Client,
  { endpoint }: DrawnJob,
  jobId: string,
  kind: Operation['kind'],
  reply: Reply,
): void => journal.write({ kind, via: 'http', endpoint, ...factOf(reply).fact, jobId });

const repeat = async (
  client: Client,
  job: DrawnJob,
  jobId: string,
  kind: 'cancel' | 'retry',
): Promise<void> => {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const line = `POST /v2/${job.endpoint}/${kind}/${jobId}`;
    const reply = await client.api.ask({ line, body: '{}' });
    note(client, job, jobId, kind, reply);
    // What is 4xx stays so.
    if (reply.outcome === 'ok' || (reply.statusCode ?? 500) < 429) return;
    await pause(TRY_AGAIN_MS);
  }
};

/** Looks until the job has ended. @returns whether it has, in time. */
const untilEnded = async (client: Client, job: DrawnJob, jobId: string): Promise<boolean> => {
  const untilMs = performance.now() + END_WAIT_MS;
  while (performance.now() < untilMs) {
    const reply = await client.api.ask({ line: `GET /v2/${job.endpoint}/status/${jobId}` });
    noteStatus(client, job, jobId, reply);
    if (ENDED.has(String(reply.json.status))) return true;
    await pause(LOOK_EVERY_MS);
  }
  return false;
};

const noteStatus = (
  { journal }: Client,
  { endpoint }: DrawnJob,
  jobId: string,
  reply: Reply,
): void => {
  const { delayTime, executionTime } = reply.json;
  const output = outputIn(reply.text);
  journal.write({
    ...{ kind: 'status', via: 'http', endpoint },
    ...factOf(reply).fact,
    jobId,
    ...(typeof delayTime === 'number' ? { delayTime } : {}),
    ...(typeof executionTime === 'number' ? { executionTime } : {}),
    ...(output === undefined
      ? {}
      : { outputSha256: createHash('sha256').update(output).digest('hex') }),
  });
};

const OUTPUT = ',"output":';
const TAIL = ',"switchyard":';

/** The bytes of the output in a status body, as they came. */
const outputIn = (text: string): string | undefined => {
  const at = text.indexOf(OUTPUT);
  const end = text.lastIndexOf(TAIL);
  return at < 0 || end < at ? undefined : text.slice(at + OUTPUT.length, end);
};

const readStream = async (client: Client, job: DrawnJob, jobId: string): Promise<void> => {
  const untilMs = performance.now() + END_WAIT_MS;
  while (performance.now() < untilMs) {
    const reply = await client.api.ask({ line: `GET /v2/${job.endpoint}/stream/${jobId}` });
    note(client, job, jobId, 'stream', reply);
    if (ENDED.has(String(reply.json.status))) return;
    if (reply.outcome !== 'ok') await pause(TRY_AGAIN_MS);
  }
};
