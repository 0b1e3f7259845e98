import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNats } from '../../support/nats.ts';
import { startPostgres } from '../../support/postgres.ts';
import { type Switchyard, startSwitchyard } from '../../support/start-switchyard.ts';
import { type JobReader, openJobReader } from '../load/read-jobs.ts';
import { startJournalWorker } from '../load/start-journal-worker.ts';
import { type Call, callsTo } from '../support/call-http.ts';
import { makeKey } from '../support/setup-calls.ts';

/** The endpoint that is overloaded, and another one, which is asked now and then. */
export const BUSY = 'busy';
export const ASIDE = 'aside';
export const MAX_QUEUED = 10_000;
const SLOTS = 8;
const WORK_MS = 20;
/** What the slots could do if a job cost nothing but its work. */
export const CAPACITY_PER_SECOND = (SLOTS * 1_000) / WORK_MS;

/** Four services, a Postgres and a NATS of their own, and a worker for each endpoint. */
export type Overload = AsyncDisposable & {
  readonly switchyard: Switchyard;
  readonly databaseUrl: string;
  readonly folder: string;
  readonly call: Call;
  readonly reader: JobReader;
  /** What the worker of the busy endpoint did: the job, and when it was done. */
  readonly done: () => readonly DoneJob[];
};

export type DoneJob = { readonly id: string; readonly atMs: number };

const PROGRAM = fileURLToPath(new URL('./timed-worker.ts', import.meta.url));

export const openOverload = async (): Promise<Overload> => {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-overload-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const postgres = started.use(await startPostgres());
  const nats = started.use(await startNats());
  const databaseUrl = await postgres.createDatabase();
  const config = `endpoints: { ${BUSY}: { limits: { maxQueued: ${MAX_QUEUED} } }, ${ASIDE}: {} }\n`;
  const switchyard = started.use(
    await startSwitchyard({ mode: 'separate', databaseUrl, brokerUrl: nats.url, config }),
  );
  const { apiUrl, apiKey, gatewayUrl } = switchyard;
  const call = callsTo(apiUrl, apiKey);
  const { key: token } = await makeKey(call, { scopes: ['worker'] });
  const common = { gatewayUrl, token, folder, program: PROGRAM };
  const busy = started.use(
    startJournalWorker({
      ...common,
      endpoint: BUSY,
      workerId: BUSY,
      concurrency: SLOTS,
      workMs: WORK_MS,
    }),
  );
  started.use(
    startJournalWorker({
      ...common,
      endpoint: ASIDE,
      workerId: ASIDE,
      concurrency: 1,
      workMs: 0,
    }),
  );
  const reader = started.use(openJobReader(apiUrl, BUSY, apiKey));
  const parts = started.move();
  return {
    switchyard,
    databaseUrl,
    folder,
    call,
    reader,
    done: () =>
      busy.starts().map((line) => {
        const [id = '', atMs] = line.split(' ');
        return { id, atMs: Number(atMs) };
      }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};
