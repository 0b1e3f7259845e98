import { createHash } from 'node:crypto';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Journal, openJournal, type RunLine } from '../../fault/history.ts';
import { type Asker, exchange, type Heard, type Job, type Post } from './exchange.ts';

export type WorkerSettings = Asker & { readonly concurrency: number; readonly folder: string };

type Doing = { readonly do?: string; readonly ms?: number; readonly chunks?: number };

/** A post that ends a run knows which one, so that its answer can be written down. */
type Sent = Post & { readonly run?: string };

const POST_TRIES = 3;
const AGAIN_MS = 100;

/**
 * A worker in this process, which does what its inputs say and writes it down. As RunPod's does, it
 * drops a result that was refused three times with an error; it repeats what was not answered.
 */
export const startWorker = (settings: WorkerSettings): AsyncDisposable => {
  const { workerId, concurrency, folder } = settings;
  const journal = openJournal<RunLine>(path.join(folder, `runs-${workerId}`));
  const running = new Map<string, AbortController>();
  const underWay = new Set<Promise<void>>();
  let ready: Sent[] = [];
  let isOver = false;
  const hear = (heard: Heard): void => {
    for (const { job } of heard.stop) running.get(job)?.abort();
    for (const job of heard.jobs) {
      const stop = new AbortController();
      running.set(job.job, stop);
      const post = (one: Sent): void => void ready.push(one);
      const ending = run({ job, settings, journal, stop: stop.signal, post }).then(() => {
        underWay.delete(ending);
        // A claim that was taken back may have come again under another number.
        if (running.get(job.job) === stop) running.delete(job.job);
      });
      underWay.add(ending);
    }
  };
  const work = async (): Promise<void> => {
    let tries = 0;
    while (!isOver) {
      const posts = ready;
      ready = [];
      const free = Math.max(0, concurrency - running.size);
      const heard = await exchange(settings, { free, held: [...running.keys()], posts });
      if (typeof heard !== 'number') {
        noteAnswers(journal, posts, heard.accepted);
        hear(heard);
        tries = 0;
        continue;
      }
      await pause(AGAIN_MS);
      tries += heard >= 500 ? 1 : 0;
      if (tries >= POST_TRIES) giveUp(journal, posts);
      else ready = [...posts, ...ready];
      if (tries >= POST_TRIES) tries = 0;
    }
  };
  const working = work();
  return {
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      for (const stop of running.values()) stop.abort();
      await working;
      await Promise.all(underWay);
      journal[Symbol.dispose]();
    },
  };
};

const noteAnswers = (
  journal: Journal<RunLine>,
  posts: readonly Sent[],
  accepted: readonly boolean[],
): void => {
  for (const [at, { run: of }] of posts.entries()) {
    const answer = accepted[at] === true ? 'accepted' : 'refused';
    if (of !== undefined) journal.write({ run: of, answer });
  }
};

const giveUp = (journal: Journal<RunLine>, posts: readonly Sent[]): void => {
  for (const { run: of } of posts) if (of !== undefined) journal.write({ run: of, answer: 'none' });
};

type Run = {
  readonly job: Job;
  readonly settings: WorkerSettings;
  readonly journal: Journal<RunLine>;
  readonly stop: AbortSignal;
  readonly post: (post: Sent) => void;
};

let runs = 0;

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const run = async ({ job, settings, journal, stop, post }: Run): Promise<void> => {
  runs += 1;
  const { workerId, endpoint } = settings;
  const { job: jobId, claimNo, input, s3Config } = job;
  const id = `${workerId}-${runs}`;
  const secrets = s3Config === undefined ? {} : { secrets: Object.values(s3Config) };
  const start = { run: id, workerId, endpoint, jobId, claimNo, atMs: Date.now() };
  journal.write({ ...start, inputSha256: sha256(input), ...secrets });
  const doing: Doing = JSON.parse(input.toString());
  const common = { job: jobId, claimNo };
  try {
    for (let seq = 0; seq < (doing.chunks ?? 0); seq += 1) {
      post({ ...common, kind: 'chunk', seq, body: JSON.stringify({ run: id, chunk: seq }) });
      await pause(20, undefined, { signal: stop });
    }
    await pause(doing.ms ?? 20, undefined, { signal: stop });
  } catch {
    journal.write({ run: id, endedAtMs: Date.now(), how: 'stopped' });
    return;
  }
  const endedAtMs = Date.now();
  if (doing.do === 'fail') {
    journal.write({ run: id, endedAtMs, how: 'threw' });
    post({ ...common, kind: 'error', body: '"as asked"', run: id });
    return;
  }
  const output = JSON.stringify({ by: id });
  journal.write({ run: id, endedAtMs, how: 'returned', outputSha256: sha256(Buffer.from(output)) });
  post({ ...common, kind: 'output', body: output, run: id });
};
