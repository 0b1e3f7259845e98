import { setTimeout as pause } from 'node:timers/promises';
import { RequestsPageSchema, StatusBodySchema, validator } from '@switchyard/contracts';

/** Calls the client API; the body as parsed JSON. @throws Error unless the answer is a success. */
export type Ask = (path: string, method?: 'GET' | 'POST') => Promise<unknown>;

const LOOK_EVERY_MS = 100;
const checkPage = validator(RequestsPageSchema);
const checkStatus = validator(StatusBodySchema);

/**
 * Looks at the running jobs, as a client that polls would, until `signal` aborts.
 * @returns the progress updates seen, as JSON, by job.
 */
export const watchProgress = async (
  ask: Ask,
  endpoint: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> => {
  const seen = new Map<string, string[]>();
  while (!signal.aborted) {
    for (const id of await runningJobs(ask, endpoint)) {
      const status = checkStatus(await ask(`/v2/${endpoint}/status/${id}`));
      if (!status.ok || status.value.status !== 'IN_PROGRESS') continue;
      if (status.value.output === undefined) continue;
      const update = JSON.stringify(status.value.output);
      const updates = seen.get(id) ?? [];
      if (updates.at(-1) !== update) seen.set(id, [...updates, update]);
    }
    await pause(LOOK_EVERY_MS);
  }
  return seen;
};

const runningJobs = async (ask: Ask, endpoint: string): Promise<readonly string[]> => {
  const page = checkPage(await ask(`/v2/${endpoint}/requests?status=IN_PROGRESS&limit=100`));
  return page.ok ? page.value.requests.map(({ id }) => id) : [];
};
