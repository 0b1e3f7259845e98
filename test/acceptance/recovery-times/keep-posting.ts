import path from 'node:path';
import { openJobReader, untilQuiet } from '../load/read-jobs.ts';
import { readAcknowledged, startPosting } from '../load/start-posting.ts';
import { ENDPOINTS, type Recovery } from './open-recovery.ts';

const PER_SECOND = 25;
const QUIET_MAX_MS = 60_000;

/** A steady client, in the background. */
export type SteadyLoad = AsyncDisposable & {
  /** Ends it and waits until its jobs have. @returns each acknowledged job. */
  readonly finish: () => Promise<SteadyJob[]>;
};

export type SteadyJob = {
  readonly id: string;
  readonly status: string;
  /** When it was started last, in ms since 1970; undefined when it was not. */
  readonly startedAtMs: number | undefined;
};

/** Posts until it is finished, to workers of our library. */
export const keepPosting = (
  { switchyard, folder }: Recovery,
  name: 'schedulers' | 'wipe',
): SteadyLoad => {
  const { apiUrl, apiKey } = switchyard;
  const endpoint = ENDPOINTS.steady;
  const acknowledgedPath = path.join(folder, `acknowledged-${name}`);
  const posting = startPosting({
    ...{ apiUrl, endpoint, apiKey, acknowledgedPath, perSecond: PER_SECOND },
    ...{ count: Number.MAX_SAFE_INTEGER, concurrency: 16, retryAfterMs: [500] },
    keyPrefix: `${name}-`,
  });
  return {
    finish: async () => {
      posting.finish();
      await posting.report;
      using reader = openJobReader(apiUrl, endpoint, apiKey);
      await untilQuiet(reader, QUIET_MAX_MS);
      const statuses = await reader.statuses(readAcknowledged(acknowledgedPath).values());
      return [...statuses].map(([id, found]) => ({
        id,
        status: found?.body.status ?? 'lost',
        startedAtMs: startOf(found?.body),
      }));
    },
    [Symbol.asyncDispose]: () => posting[Symbol.asyncDispose](),
  };
};

type Body = {
  readonly delayTime?: number | undefined;
  readonly switchyard?: { readonly createdAt: string } | undefined;
};

const startOf = (body: Body | undefined): number | undefined =>
  body?.delayTime === undefined || body.switchyard === undefined
    ? undefined
    : Date.parse(body.switchyard.createdAt) + body.delayTime;

/** The longest time between two moments, in ms since 1970, within which no job was started. */
export const longestGapMs = (jobs: readonly SteadyJob[], fromMs: number, toMs: number): number => {
  const starts = jobs
    .flatMap(({ startedAtMs }) => startedAtMs ?? [])
    .filter((atMs) => atMs > fromMs && atMs < toMs)
    .toSorted((a, b) => a - b);
  let before = fromMs;
  let longestMs = 0;
  for (const atMs of [...starts, toMs]) {
    longestMs = Math.max(longestMs, atMs - before);
    before = atMs;
  }
  return longestMs;
};

/** Whether every job of the client is COMPLETED. */
export const judgeNoneLost = (
  { checks }: Recovery,
  name: string,
  jobs: readonly SteadyJob[],
): void => {
  const completed = jobs.filter(({ status }) => status === 'COMPLETED').length;
  checks.check(
    completed === jobs.length && completed > 0,
    `${name}: acknowledged jobs that are COMPLETED`,
    completed,
    `all ${jobs.length}`,
  );
};
