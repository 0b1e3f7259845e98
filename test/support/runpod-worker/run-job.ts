import { createHash } from 'node:crypto';
import { DOINGS, type Doing, HANDLERS, type Outcome } from './handlers.ts';
import { failure } from './outcomes.ts';
import { postResult } from './post-result.ts';
import { isObject, type ReceivedJob } from './received-job.ts';
import type { WorkerParts } from './worker-parts.ts';

/** What the input asks this worker to do. `onlyOn` names the one worker that misbehaves. */
const doingOf = (input: unknown, workerId: string): Doing => {
  if (!isObject(input)) return 'echo';
  if (input.onlyOn !== undefined && input.onlyOn !== workerId) return 'echo';
  return DOINGS.find((doing) => doing === input.do) ?? 'echo';
};

const outcomeOf = async (
  parts: WorkerParts,
  job: ReceivedJob,
  signal: AbortSignal,
): Promise<Outcome> => {
  const handle = HANDLERS[doingOf(job.input, parts.config.workerId)];
  try {
    return await handle(job, { parts, signal });
  } catch (error) {
    // Only a handler that heeds the signal throws because of it.
    if (signal.aborted && error === signal.reason) return { kind: 'cancelled' };
    if (signal.aborted && error instanceof Error && error.name === 'AbortError') {
      return { kind: 'cancelled' };
    }
    return failure(parts.config, error instanceof Error ? error : new Error(String(error)));
  }
};

const settle = async (parts: WorkerParts, job: ReceivedJob, outcome: Outcome): Promise<void> => {
  const jobId = job.id;
  switch (outcome.kind) {
    case 'result':
      await postResult(parts, { jobId, body: outcome.body, isStream: outcome.isStream });
      await outcome.afterwards?.();
      return;
    case 'cancelled':
      parts.journal.record({ event: 'cancelled', jobId });
      return;
    case 'lost':
      parts.journal.record({ event: 'lose', jobId });
      return;
    default:
      outcome satisfies never;
  }
};

/** Runs one job and posts what comes of it. Never rejects. */
export const runJob = async (parts: WorkerParts, job: ReceivedJob): Promise<void> => {
  const stop = new AbortController();
  parts.slots.hold(job.id, stop);
  const bodySha256 = createHash('sha256').update(job.rawInput).digest('hex');
  parts.journal.record({ event: 'start', jobId: job.id, bodySha256 });
  await settle(parts, job, await outcomeOf(parts, job, stop.signal));
  parts.slots.release(job.id);
  if (parts.config.refreshWorker) parts.end();
};
