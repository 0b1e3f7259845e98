import { setTimeout as sleep } from 'node:timers/promises';
import { type Outcome, posted, result } from './outcomes.ts';
import { postChunk, postProgress } from './post-result.ts';
import { isObject, type ReceivedJob } from './received-job.ts';
import type { WorkerParts } from './worker-parts.ts';

export type { Outcome } from './outcomes.ts';

export const DOINGS = [
  'echo', // posts the bytes of its input
  'keys', // posts the names of the job's own keys
  'fail', // throws
  'error-dict', // returns {error: …} beside other members
  'stream', // `count` chunks, then [] or with `aggregate` all of them
  'stream-error', // `count` chunks, then an error
  'progress', // `count` updates `everyMs` apart, the result after `ms`, one update more
  'sleep', // waits `ms`; a stop ends it and nothing is posted
  'stubborn', // waits `ms` beside the loops; a stop is heard and not heeded
  'block', // waits `ms` and lets nothing else run but the pings
  'refresh', // asks for a fresh worker
  'empty', // posts {}
  'none', // posts {"output": null}
  'vanish', // kills this process; the pings go on
  'lose', // finishes and never says so
  'zombie', // silent for `ms`, pings too, then posts as if nothing had been
] as const;
export type Doing = (typeof DOINGS)[number];

type Acting = { parts: WorkerParts; signal: AbortSignal };
type Handler = (job: ReceivedJob, acting: Acting) => Promise<Outcome>;

const numberIn = (job: ReceivedJob, name: string, fallback: number): number => {
  const value = isObject(job.input) ? job.input[name] : undefined;
  return typeof value === 'number' ? value : fallback;
};

const flagIn = (job: ReceivedJob, name: string): boolean =>
  isObject(job.input) && job.input[name] === true;

const block = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

/** Chunks are `{chunk, filler?}`, filled up to about `chunkBytes` where that is given. */
const postChunks = async (job: ReceivedJob, { parts, signal }: Acting): Promise<unknown[]> => {
  const fillerBytes = numberIn(job, 'chunkBytes', 0);
  const chunks: unknown[] = [];
  for (let chunk = 0; chunk < numberIn(job, 'count', 4); chunk += 1) {
    const filler = fillerBytes > 0 ? { filler: 'x'.repeat(fillerBytes) } : {};
    chunks.push({ chunk, ...filler });
    await postChunk(parts, job.id, { chunk, ...filler });
    await sleep(numberIn(job, 'everyMs', 0), undefined, { signal });
  }
  return chunks;
};

const postUpdates = async (job: ReceivedJob, { parts, signal }: Acting): Promise<Outcome> => {
  for (let update = 1; update <= numberIn(job, 'count', 3); update += 1) {
    await postProgress(parts, job.id, { update });
    await sleep(numberIn(job, 'everyMs', 0), undefined, { signal });
  }
  await sleep(numberIn(job, 'ms', 0), undefined, { signal });
  const afterwards = () => postProgress(parts, job.id, { update: 'late' });
  const done = result(parts.config, '{"done": true}');
  return done.kind === 'result' ? { ...done, afterwards } : done;
};

const beZombie = async (job: ReceivedJob, { parts }: Acting): Promise<Outcome> => {
  parts.pausePings();
  block(numberIn(job, 'ms', 60_000));
  parts.resumePings();
  return result(parts.config, '"zombie"');
};

const vanish = (job: ReceivedJob, { parts }: Acting): Promise<Outcome> => {
  parts.journal.record({ event: 'vanish', jobId: job.id });
  process.kill(process.pid, 'SIGKILL');
  // Node delivers the signal at once; what waits here is never reached.
  return new Promise(() => undefined);
};

export const HANDLERS: Readonly<Record<Doing, Handler>> = {
  echo: async (job, { parts }) => result(parts.config, job.rawInput),
  keys: async (job, { parts }) => result(parts.config, JSON.stringify({ job_keys: job.keys })),
  fail: async () => {
    throw new Error('deliberate failure');
  },
  'error-dict': async () => posted('{"output": {"beside": 1}, "error": "deliberate error"}'),
  stream: async (job, acting) => {
    const chunks = await postChunks(job, acting);
    const output = flagIn(job, 'aggregate') ? JSON.stringify(chunks) : '[]';
    return result(acting.parts.config, output, true);
  },
  'stream-error': async (job, acting) => {
    await postChunks(job, acting);
    return posted('{"error": "handler: deliberate failure \\ntraceback: none"}', true);
  },
  progress: postUpdates,
  sleep: async (job, { parts, signal }) => {
    await sleep(numberIn(job, 'ms', 60_000), undefined, { signal });
    return result(parts.config, '"slept"');
  },
  stubborn: async (job, { parts }) => {
    await sleep(numberIn(job, 'ms', 5_000));
    return result(parts.config, '"stubborn"');
  },
  block: async (job, { parts }) => {
    // The start is journalled before; the event loop then stands still, as under a sync handler.
    block(numberIn(job, 'ms', 2_000));
    return result(parts.config, '"blocked"');
  },
  refresh: async () => posted('{"output": {"one": "shot"}, "stopPod": true}'),
  empty: async () => posted('{}'),
  none: async (_job, { parts }) => result(parts.config, 'null'),
  vanish,
  lose: async (job) => {
    await sleep(numberIn(job, 'ms', 0));
    return { kind: 'lost' };
  },
  zombie: beZombie,
};
