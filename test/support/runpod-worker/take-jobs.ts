import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, CutShort } from './exchange.ts';
import { jobsIn, type ReceivedJob } from './received-job.ts';
import { runJob } from './run-job.ts';
import type { WorkerParts } from './worker-parts.ts';

/** What a poll answered 429 waits, and what a worker without a free slot does; measured. */
export const BRAKE_MS = 5_000;
const FULL_PAUSE_MS = 1_000;
/** The package does not pause after a refused connection; this spares the machine. */
const UNREACHABLE_PAUSE_MS = 5;

export const pause = (ms: number, ending: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal: ending }).catch(() => undefined);

const takeUrl = ({ config, slots }: WorkerParts): string => {
  const inProgress = `&job_in_progress=${slots.listed().length > 0 ? 1 : 0}`;
  if (config.concurrency === 1) return config.takeUrl + inProgress;
  const url = config.takeUrl.replace('/job-take/', '/job-take-batch/');
  return `${url}&batch_size=${slots.free()}${inProgress}`;
};

/** One poll. Undefined when the server could not be reached or the worker hung up. */
const poll = async (parts: WorkerParts): Promise<Answer | undefined> => {
  try {
    const answer = await parts.session.get(takeUrl(parts), parts.config.pollCutMs);
    parts.guard.count();
    return answer;
  } catch (error) {
    if (!(error instanceof CutShort)) await pause(UNREACHABLE_PAUSE_MS, parts.ending);
    return undefined;
  }
};

const jobsOf = async (parts: WorkerParts, answer: Answer): Promise<ReceivedJob[]> => {
  const { status } = answer;
  if (status === 204 || status === 400) return [];
  if (status === 429) {
    parts.journal.record({ event: 'braked', call: 'job-take', status });
    await pause(BRAKE_MS, parts.ending);
    return [];
  }
  if (status >= 400) {
    parts.journal.record({ event: 'refused', call: 'job-take', status });
    return [];
  }
  try {
    return jobsIn(answer);
  } catch (error) {
    parts.journal.record({ event: 'malformed', status, reason: String(error) });
    return [];
  }
};

const begin = (parts: WorkerParts, job: ReceivedJob): Promise<void> | undefined => {
  if (!parts.ending.aborted) return runJob(parts, job);
  // Taken after SIGTERM: it is listed by the pings until the process ends, and never run.
  parts.journal.record({ event: 'drop', jobId: job.id });
  parts.slots.hold(job.id);
  return undefined;
};

const takeOnce = async (parts: WorkerParts, running: Set<Promise<void>>): Promise<void> => {
  const { config, journal, slots } = parts;
  if (slots.free() === 0) {
    await (config.realisticPauses ? pause(FULL_PAUSE_MS, parts.ending) : slots.released());
    return;
  }
  const batchSize = slots.free();
  const answer = await poll(parts);
  if (answer === undefined) return;
  const jobs = await jobsOf(parts, answer);
  const call = config.concurrency === 1 ? 'job-take' : 'job-take-batch';
  for (const job of jobs) {
    const raw = config.journalRaw ? { rawBase64: job.raw.toString('base64') } : {};
    journal.record({ event: 'take', jobId: job.id, call, count: jobs.length, batchSize, ...raw });
  }
  for (const job of jobs) {
    const run = begin(parts, job);
    if (run === undefined) continue;
    running.add(run);
    void run.finally(() => running.delete(run));
  }
};

/** Takes and runs jobs until the worker ends, then waits for those that still run. */
export const takeJobs = async (parts: WorkerParts): Promise<void> => {
  const running = new Set<Promise<void>>();
  while (!parts.ending.aborted) await takeOnce(parts, running);
  await Promise.all(running);
};
