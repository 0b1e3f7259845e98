import { newJobId, parseEndpointId } from '@switchyard/contracts';
import { acceptJobs, type NewJob, openStore } from '@switchyard/store';
import { PLAIN_INPUT } from '../payload.ts';

const STATEMENT_JOBS = 1_000;
const LANES = 2;
const EXECUTION_TIMEOUT_MS = 600_000;
const TTL_MS = 86_400_000;
const HIGH_RANK = 1;

export type Filler = AsyncDisposable & { readonly fill: (count: number) => Promise<void> };

/**
 * Queues jobs as intake would, by the product's own statement: posting a million over HTTP would
 * take longer than what is measured afterwards.
 */
export const openFiller = (databaseUrl: string, endpoint: string): Filler => {
  const endpointId = parseEndpointId(endpoint);
  if (endpointId === undefined) throw new TypeError(`${endpoint} names no endpoint`);
  const store = openStore({ url: databaseUrl, applicationName: 'bench' });
  const bytes = Buffer.from(PLAIN_INPUT);
  const job = (): NewJob => ({
    jobId: newJobId('async'),
    input: bytes,
    webhook: null,
    executionTimeoutMs: EXECUTION_TIMEOUT_MS,
    ttlMs: TTL_MS,
    startAtMs: null,
    rank: HIGH_RANK,
    secret: undefined,
    idempotency: undefined,
  });
  const fill = async (count: number): Promise<void> => {
    let left = count;
    const lane = async (process: string): Promise<void> => {
      while (left > 0) {
        const jobs = Array.from({ length: Math.min(STATEMENT_JOBS, left) }, job);
        left -= jobs.length;
        await acceptJobs(store, endpointId, process, 'http', jobs);
      }
    };
    await Promise.all(Array.from({ length: LANES }, (_, n) => lane(`bench-${n}`)));
  };
  return { fill, [Symbol.asyncDispose]: () => store.close() };
};

/** Queues `count` jobs once. */
export const fillJobs = async (
  databaseUrl: string,
  endpoint: string,
  count: number,
): Promise<void> => {
  await using filler = openFiller(databaseUrl, endpoint);
  await filler.fill(count);
};
