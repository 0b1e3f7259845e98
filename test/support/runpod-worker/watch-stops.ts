import { type Answer, CutShort } from './exchange.ts';
import { isObject } from './received-job.ts';
import { BRAKE_MS, pause } from './take-jobs.ts';
import type { WorkerParts } from './worker-parts.ts';

const EMPTY_PAUSE_MS = 1_000;

const idsIn = (answer: Answer): string[] => {
  if (answer.status !== 200) return [];
  const value: unknown = JSON.parse(answer.body.toString('utf8'));
  if (!isObject(value) || !Array.isArray(value.jobsToStop)) return [];
  return value.jobsToStop.filter((id) => typeof id === 'string');
};

/** One poll; resolves to the pause before the next. */
const watchOnce = async ({ config, journal, session, slots }: WorkerParts): Promise<number> => {
  const url = config.takeUrl.replace('/job-take/', '/job-stop/');
  try {
    const answer = await session.get(url, config.pollCutMs);
    if (answer.status === 429) return BRAKE_MS;
    const jobIds = idsIn(answer);
    for (const jobId of jobIds) journal.record({ event: 'stop', jobId, jobIds });
    for (const jobId of jobIds) slots.cancel(jobId);
    return jobIds.length > 0 ? 0 : EMPTY_PAUSE_MS;
  } catch (error) {
    return error instanceof CutShort ? 0 : EMPTY_PAUSE_MS;
  }
};

/**
 * Asks which jobs to stop until the worker ends; a poll that is held then is waited for, which is
 * why a worker's end takes as long as the server holds.
 */
export const watchStops = async (parts: WorkerParts): Promise<void> => {
  while (!parts.ending.aborted) {
    const pauseMs = await watchOnce(parts);
    if (pauseMs > 0) await pause(pauseMs, parts.ending);
    // The guard counts these too: a server that repeats an id at once would be asked for ever.
    else parts.guard.count();
  }
};
