import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Health, RequestsPage, StatusBody } from '@switchyard/contracts';

/** What a client reads of the jobs of one endpoint, over HTTP alone. */
export type JobReader = Disposable & {
  /** Undefined while the server does not answer with 200. */
  readonly health: () => Promise<Health | undefined>;
  /** Every job, page by page. */
  readonly requests: () => Promise<RequestsPage['requests']>;
  /** How many are in `status`, at most 1,000. */
  readonly countIn: (status: 'IN_QUEUE' | 'IN_PROGRESS') => Promise<number | undefined>;
  /** The status bodies of `ids` as they were sent; undefined for what is not 200. */
  readonly statuses: (
    ids: Iterable<string>,
  ) => Promise<ReadonlyMap<string, { body: StatusBody; text: string } | undefined>>;
};

const LANES = 32;
const TIMEOUT_MS = 30_000;

export const openJobReader = (apiUrl: string, endpoint: string, apiKey: string): JobReader => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: LANES });
  /** The text of an answer with 200, else undefined. */
  const get = (path: string): Promise<string | undefined> =>
    new Promise((resolve) => {
      const headers = { authorization: `Bearer ${apiKey}` };
      const request = http.get(`${apiUrl}/v2/${endpoint}${path}`, { agent, headers });
      request.setTimeout(TIMEOUT_MS, () => request.destroy(new Error('timeout')));
      request.on('error', () => resolve(undefined));
      request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('error', () => resolve(undefined));
        response.on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => resolve(response.statusCode === 200 ? text : undefined));
      });
    });

  const readPage = async (query: string): Promise<RequestsPage> => {
    const text = await get(`/requests?${query}`);
    if (text === undefined) throw new Error(`/requests?${query} did not answer with 200`);
    const page: RequestsPage = JSON.parse(text);
    return page;
  };
  return {
    health: async () => {
      const text = await get('/health');
      if (text === undefined) return undefined;
      const health: Health = JSON.parse(text);
      return health;
    },
    requests: async () => {
      const all: RequestsPage['requests'] = [];
      let page = await readPage('limit=1000');
      all.push(...page.requests);
      while (page.cursor !== null) {
        page = await readPage(`limit=1000&cursor=${page.cursor}`);
        all.push(...page.requests);
      }
      return all;
    },
    countIn: async (status) => {
      const text = await get(`/requests?limit=1000&status=${status}`);
      if (text === undefined) return undefined;
      const page: RequestsPage = JSON.parse(text);
      return page.requests.length;
    },
    statuses: async (ids) => {
      const found = new Map<string, { body: StatusBody; text: string } | undefined>();
      const waiting = [...ids];
      const lane = async (): Promise<void> => {
        for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
          const text = await get(`/status/${id}`);
          found.set(id, text === undefined ? undefined : { body: JSON.parse(text), text });
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      return found;
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
};

const LOOK_AGAIN_MS = 100;

/** Waits until no job is queued or running. @returns false when `timeoutMs` pass before. */
export const untilQuiet = async (
  reader: Pick<JobReader, 'countIn' | 'health'>,
  timeoutMs: number,
): Promise<boolean> => {
  const untilMs = performance.now() + timeoutMs;
  while (performance.now() < untilMs) {
    const jobs = (await reader.health())?.jobs;
    // The sums of `/health` cost little; only once they say so, the jobs themselves are looked at.
    if (jobs !== undefined && jobs.inQueue + jobs.inProgress === 0 && (await isQuiet(reader))) {
      return true;
    }
    await pause(LOOK_AGAIN_MS);
  }
  return isQuiet(reader);
};

/** A job that moved between the first two looks is seen by the third. */
const isQuiet = async ({ countIn }: Pick<JobReader, 'countIn'>): Promise<boolean> => {
  for (const status of ['IN_QUEUE', 'IN_PROGRESS', 'IN_QUEUE'] as const) {
    if ((await countIn(status)) !== 0) return false;
  }
  return true;
};

/** How often each of `values` stands there. */
export const tally = (values: Iterable<string>): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
};

/** A tally on one line: `COMPLETED 20000, FAILED 1`. */
export const tellTally = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([value, count]) => `${value} ${count}`).join(', ') || 'none';
