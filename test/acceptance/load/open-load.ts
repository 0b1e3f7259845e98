import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startPostgres } from '../../support/postgres.ts';
import {
  type ServiceName,
  type Switchyard,
  startSwitchyard,
} from '../../support/start-switchyard.ts';
import { callsTo } from '../support/call-http.ts';
import { makeKey } from '../support/setup-calls.ts';
import { type EventJournal, followEvents } from './follow-events.ts';
import type { PostingPlan } from './posting-plan.ts';
import { type JobReader, openJobReader } from './read-jobs.ts';
import { type JournalWorker, startJournalWorker } from './start-journal-worker.ts';
import { type Posting, readAcknowledged, startPosting } from './start-posting.ts';
import { type Watch, watchCompletions } from './watch-completions.ts';

export type LoadOptions = {
  readonly brokerUrl: string | Readonly<Record<ServiceName, string>>;
  /** Of a user who may consume all events. */
  readonly eventsUrl: string;
  /** Slots of each of the two workers, and how long each job takes. */
  readonly concurrency: number;
  readonly workMs: number;
};

/** Four services on a Postgres of their own, two workers, and those who look at what they do. */
export type Load = AsyncDisposable & {
  readonly endpoint: string;
  readonly databaseUrl: string;
  readonly switchyard: Switchyard;
  readonly reader: JobReader;
  readonly workers: readonly JournalWorker[];
  readonly journal: EventJournal;
  readonly watch: Watch;
  /** Starts the client; it may be called once. */
  readonly post: (plan: Plan) => Posting;
  /** The id of each acknowledged job by its number. */
  readonly acknowledged: () => ReadonlyMap<number, string>;
};

type Plan = Pick<PostingPlan, 'count' | 'concurrency' | 'perSecond' | 'retryAfterMs' | 'keyPrefix'>;

const ENDPOINT = 'echo';

/** Opens all that a load needs, on a broker that is there. */
export const openLoad = async (options: LoadOptions): Promise<Load> => {
  const { brokerUrl, concurrency, workMs } = options;
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-load-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const postgres = started.use(await startPostgres());
  const databaseUrl = await postgres.createDatabase();
  const config = `endpoints: { ${ENDPOINT}: { name: Echo } }\n`;
  const switchyard = started.use(
    await startSwitchyard({ mode: 'separate', databaseUrl, brokerUrl, config }),
  );
  const { apiUrl, apiKey, gatewayUrl } = switchyard;
  const journal = started.use(await followEvents(options.eventsUrl));
  const call = callsTo(apiUrl, apiKey);
  const { key: token } = await makeKey(call, { scopes: ['worker'], endpoints: [ENDPOINT] });
  const reader = started.use(openJobReader(apiUrl, ENDPOINT, apiKey));
  const common = { gatewayUrl, endpoint: ENDPOINT, token, concurrency, workMs, folder };
  const workers = ['one', 'two'].map((workerId) =>
    started.use(startJournalWorker({ ...common, workerId })),
  );
  const watch = started.use(watchCompletions(reader));
  const acknowledgedPath = path.join(folder, 'acknowledged');
  const parts = started.move();
  return {
    endpoint: ENDPOINT,
    databaseUrl,
    switchyard,
    reader,
    workers,
    journal,
    watch,
    post: (plan) =>
      parts.use(startPosting({ apiUrl, endpoint: ENDPOINT, apiKey, acknowledgedPath, ...plan })),
    acknowledged: () => readAcknowledged(acknowledgedPath),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};
