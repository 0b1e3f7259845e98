import { type StatusBody, WAIT_MS } from '@switchyard/contracts';
import { isTerminal } from './stream.ts';

/** Asks for the status of a job, held by the server for `waitMs` unless the job ends before. */
export type Look = (jobId: string, waitMs: number, signal: AbortSignal) => Promise<StatusBody>;

const HELD_MAX_MS = 25_000;

/**
 * Yields the status of each job once it has ended, in the order in which they end, of a repeated id
 * once. At most `lanes` calls are held by the server at a time. While more jobs than that are
 * open each is held only briefly, so that jobs which take long do not hide those that end.
 */
export async function* waitForJobs(
  look: Look,
  jobIds: readonly string[],
  { lanes, signal }: { readonly lanes: number; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<StatusBody, void> {
  const pending = [...new Set(jobIds)];
  const flying = new Map<string, Promise<{ jobId: string; status: StatusBody }>>();
  const stop = new AbortController();
  const stopped = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const takeOff = (jobId: string, waitMs: number): void => {
    const landing = look(jobId, waitMs, stopped).then((status) => ({ jobId, status }));
    flying.set(jobId, landing);
  };
  try {
    while (pending.length + flying.size > 0) {
      const waitMs = heldMs(lanes, pending.length + flying.size);
      for (const jobId of pending.splice(0, lanes - flying.size)) takeOff(jobId, waitMs);
      const { jobId, status } = await Promise.race(flying.values());
      flying.delete(jobId);
      if (isTerminal(status.status)) yield status;
      else pending.push(jobId);
    }
  } finally {
    stop.abort();
    await Promise.allSettled(flying.values());
  }
}

/** All lanes together see every open job within about `HELD_MAX_MS`, as far as bounds allow. */
const heldMs = (lanes: number, open: number): number =>
  Math.max(WAIT_MS.minimum, Math.min(HELD_MAX_MS, Math.floor((HELD_MAX_MS * lanes) / open)));
