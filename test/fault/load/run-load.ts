import { createHash } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeCanary } from '../../acceptance/support/canaries.ts';
import { openProducer } from '../../support/open-producer.ts';
import type { Producer } from '../../support/producer.ts';
import { ENDPOINTS } from '../ground.ts';
import { type Operation, openJournal } from '../history.ts';
import type { Random } from '../random.ts';
import { followJob } from './act-on-job.ts';
import { openApi } from './ask-api.ts';
import { type Client, factOf, type LimitedClient } from './client.ts';
import { type DrawnJob, drawJob } from './draw-job.ts';
import { TRESPASSES, trespass } from './trespass.ts';

export type LoadOptions = {
  readonly apiUrl: string;
  readonly apiKey: string;
  /** For an endpoint the key that is limited to it, which its jobs are then asked for with. */
  readonly keys?: Readonly<Record<string, string>>;
  readonly brokerUrl: string;
  readonly webhookUrl: string;
  /** Where some jobs want their webhooks, although none may go there. */
  readonly forbiddenUrls?: readonly string[];
  /** Where the history is written. */
  readonly folder: string;
  readonly random: Random;
  readonly jobs: number;
  /** Jobs begun in a second. */
  readonly perSecond: number;
  /** Begins no more jobs when it aborts. */
  readonly stop?: AbortSignal;
};

export type Load = {
  /** How many jobs have been begun. */
  readonly begun: () => number;
  /** Resolves when every job was posted, and what was to be done with it was done. */
  readonly over: Promise<void>;
};

/** How long the client of a job repeats its post; longer than anything stays broken. */
const POST_MAX_MS = 180_000;
const RETRY_MS = { first: 200, last: 3_000 } as const;
const RUNSYNC_WAIT_MS = 3_000;
const PURGE_EVERY_MS = 9_000;
const UNDER_WAY_MAX = 400;

/** Begins the load at once. */
export const runLoad = (options: LoadOptions): Load => {
  let begun = 0;
  const post = async (): Promise<void> => {
    await using opened = new AsyncDisposableStack();
    const journal = opened.use(openJournal<Operation>(path.join(options.folder, 'operations')));
    const api = opened.use(openApi(options.apiUrl, options.apiKey));
    const client = { api, journal, random: options.random };
    const limited = Object.entries(options.keys ?? {}).map(([reach, key]) =>
      limit({ ...client, api: opened.use(openApi(options.apiUrl, key)) }, reach),
    );
    const clients = { all: client, limited };
    const prefix = `fault-${process.pid}-${Date.now()}`;
    const producers = openProducers(options.brokerUrl);
    opened.defer(producers.close);
    const ending = new AbortController();
    const purging = purgeAgainAndAgain(client, ending.signal);
    const underWay = new Set<Promise<void>>();
    const startedMs = performance.now();
    while (begun < options.jobs && options.stop?.aborted !== true) {
      const dueMs = startedMs + (begun * 1_000) / options.perSecond;
      await pause(Math.max(0, dueMs - performance.now()));
      while (underWay.size >= UNDER_WAY_MAX) await Promise.race(underWay);
      const job = drawJob(begun, { ...options, prefix, canary: makeCanary });
      begun += 1;
      const living = liveJob(clients, producers, job).finally(() => underWay.delete(living));
      underWay.add(living);
    }
    await Promise.all(underWay);
    ending.abort();
    await purging;
  };
  return { begun: () => begun, over: post() };
};

/** Whoever may do all, and whoever may use one endpoint alone. */
type Clients = { readonly all: Client; readonly limited: readonly LimitedClient[] };

const limit = (client: Client, reach: string): LimitedClient => {
  const write = (operation: Operation): void => client.journal.write({ ...operation, reach });
  return { ...client, reach, journal: { ...client.journal, write } };
};

const liveJob = async (clients: Clients, producers: Producers, job: DrawnJob): Promise<void> => {
  if (job.via === 'broker') return publish(clients.all, producers, job);
  const { endpoint } = job;
  const client = clients.limited.find(({ reach }) => reach === endpoint) ?? clients.all;
  const jobId = await postUntilTaken(client, job);
  if (jobId === undefined) return;
  const other = clients.limited.find(({ reach }) => reach !== endpoint);
  if (job.isTriedByOthers && other !== undefined) {
    await trespass(other, client.random.pick(TRESPASSES), job, jobId);
  }
  await followJob(client, job, jobId);
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const submissionOf = (job: DrawnJob) => ({
  kind: 'submit' as const,
  endpoint: job.endpoint,
  ...(job.key === undefined ? {} : { key: job.key }),
  inputSha256: sha256(job.input),
  secrets: job.secrets,
  hasWebhook: job.hasWebhook,
  ...(job.startAtMs === undefined ? {} : { startAtMs: job.startAtMs }),
});

/** Posts with the same key until it is taken. @returns its id. */
const postUntilTaken = async (client: Client, job: DrawnJob): Promise<string | undefined> => {
  const untilMs = performance.now() + POST_MAX_MS;
  const wait = job.via === 'runsync' ? `?wait=${RUNSYNC_WAIT_MS}` : '';
  const headers = job.key === undefined ? {} : { 'idempotency-key': job.key };
  for (let waitMs: number = RETRY_MS.first; ; waitMs = Math.min(2 * waitMs, RETRY_MS.last)) {
    const line = `POST /v2/${job.endpoint}/${job.via}${wait}`;
    const reply = await client.api.ask({ line, body: job.body, headers });
    const { jobId, fact } = factOf(reply);
    client.journal.write({ ...submissionOf(job), via: 'http', ...fact });
    if (reply.outcome === 'ok') return jobId;
    // What is 4xx stays so.
    if ((reply.statusCode ?? 500) < 429) return undefined;
    if (job.key === undefined || performance.now() > untilMs) return undefined;
    await pause(waitMs * (0.5 + Math.random()));
  }
};

/** That the broker stored it is not yet that Switchyard accepted it: nobody here knows. */
const publish = async ({ journal }: Client, producers: Producers, job: DrawnJob): Promise<void> => {
  const producer = await producers.take();
  if (producer === undefined || job.key === undefined) return;
  const atMs = Date.now();
  const { endpoint, body, key: id } = job;
  await producer.publish({ endpoint, body, id }).catch(() => producers.forget(producer));
  const times = { atMs, endedAtMs: Date.now() };
  journal.write({ ...submissionOf(job), via: 'broker', ...times, outcome: 'unknown' });
};

type Producers = {
  /** Undefined while the broker is away. */
  readonly take: () => Promise<Producer | undefined>;
  /** Connects anew for the next: this one failed. */
  readonly forget: (producer: Producer) => void;
  readonly close: () => Promise<void>;
};

/** Connects again after the broker was away. */
const openProducers = (url: string): Producers => {
  let open: Promise<Producer | undefined> | undefined;
  let last: Producer | undefined;
  const end = async (producer: Producer | undefined): Promise<void> => {
    try {
      await producer?.[Symbol.asyncDispose]();
    } catch {
      // It was gone already.
    }
  };
  const connect = (): Promise<Producer | undefined> =>
    openProducer(url).then(
      (producer) => producer,
      () => undefined,
    );
  return {
    take: async () => {
      open ??= connect();
      last = await open;
      if (last === undefined) open = undefined;
      return last;
    },
    forget: (producer) => {
      if (producer !== last) return;
      [open, last] = [undefined, undefined];
      void end(producer);
    },
    close: async () => end(await open),
  };
};

const purgeAgainAndAgain = async (client: Client, end: AbortSignal): Promise<void> => {
  const endpoint = ENDPOINTS.idle;
  while (!end.aborted) {
    const timer = pause(PURGE_EVERY_MS, undefined, { ref: false });
    await Promise.race([timer, once(end, 'abort')]);
    if (end.aborted) return;
    const reply = await client.api.ask({ line: `POST /v2/${endpoint}/purge-queue`, body: '{}' });
    const { removed } = reply.json;
    const count = typeof removed === 'number' ? { removed } : {};
    client.journal.write({ kind: 'purge', via: 'http', endpoint, ...factOf(reply).fact, ...count });
  }
};
