import { setTimeout as pause } from 'node:timers/promises';
import type { Health } from '@switchyard/contracts';
import pg from 'pg';
import { type Call, callsTo } from '../../acceptance/support/call-http.ts';
import { makeKey } from '../../acceptance/support/setup-calls.ts';
import { type Switchyard, startSwitchyard } from '../../support/start-switchyard.ts';
import type { Arena, BenchWorker, BulkReport, Contender, Front } from '../contender.ts';
import { LeftOut } from '../measure.ts';
import type { SwitchyardBulkPlan } from '../programs/switchyard-bulk.ts';
import type { WorkerPlan } from '../programs/switchyard-worker.ts';
import { queryOnce } from '../query-once.ts';
import type { Servers } from '../servers.ts';
import { type Program, startProgram } from '../start-program.ts';
import { fillJobs } from './fill-jobs.ts';

export const ENDPOINT = 'bench';
/** Another endpoint of the same tables, which has no worker. */
export const NEIGHBOUR = 'neighbour';

const CONCURRENCY = 500;
const WORKERS_MAX_MS = 30_000;
const LOOK_AGAIN_MS = 20;
const NOT_FOUND = 404;
const NDJSON = { 'content-type': 'application/x-ndjson' };
const CONFIG = `endpoints:
  ${ENDPOINT}: { name: Bench, limits: { maxQueued: null } }
  ${NEIGHBOUR}: { name: Neighbour, limits: { maxQueued: null } }
webhooks: { allowPrivateTargets: ['127.0.0.0/8'] }
`;

export type WorkerSettings = {
  /** Default ENDPOINT. */
  readonly endpoint?: string;
  readonly concurrency?: number;
  /** Of another supervisor than the first. */
  readonly gatewayUrl?: string;
  readonly isStamped?: boolean;
  readonly env?: Readonly<Record<string, string>>;
};

/** A worker of Switchyard tells besides when each job was started, on the clock of `nowUs`. */
export type SwitchyardWorker = BenchWorker & {
  readonly startsUs: () => Promise<readonly number[]>;
  /** Lets it finish what it has and go, as a worker that is stopped does. */
  readonly leave: () => Promise<void>;
  /** Of its inspector, when it was started with INSPECTED. */
  readonly inspectorUrl: () => string | undefined;
};

/** Switchyard's four services, each a process of its own, on an empty database. */
export type SwitchyardArena = Omit<Arena, 'startWorker'> & {
  readonly switchyard: Switchyard;
  readonly databaseUrl: string;
  /** With the key of an administrator. */
  readonly call: Call;
  /** As `call`'s, for the load generator. */
  readonly headers: Readonly<Record<string, string>>;
  readonly workerToken: string;
  readonly startWorker: (settings?: WorkerSettings) => Promise<SwitchyardWorker>;
};

type WorkerReport = {
  readonly latenciesMs: readonly number[];
  readonly startsUs: readonly number[];
};

const asWorker = async (program: Program<WorkerReport>): Promise<SwitchyardWorker> => {
  const beganMs = await program.began;
  await program.ready;
  return {
    pid: program.pid,
    beganMs,
    count: program.count,
    leave: async () => {
      await program.report();
    },
    inspectorUrl: program.inspectorUrl,
    startLatenciesMs: async () => (await program.report()).latenciesMs,
    startsUs: async () => (await program.report()).startsUs,
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
};

const changeDatabase = async (
  url: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> => {
  const name = pg.escapeIdentifier(new URL(url).pathname.slice(1));
  for (const [setting, value] of Object.entries(settings)) {
    const literal = pg.escapeLiteral(value);
    await queryOnce(url, `alter database ${name} set ${setting} = ${literal}`);
  }
};

/** Waits until the services know of the worker. */
const untilKnown = async (call: Call, workerId: string): Promise<void> => {
  const untilMs = performance.now() + WORKERS_MAX_MS;
  while (!(await call('GET /v1/workers')).text.includes(`"${workerId}"`)) {
    if (performance.now() > untilMs) throw new Error(`${workerId} did not come`);
    await pause(LOOK_AGAIN_MS);
  }
};

export type SwitchyardSettings = {
  /** Of the services. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of Postgres, for the sessions of this database. */
  readonly database?: Readonly<Record<string, string>>;
};

/** Starts the services. */
export const openSwitchyard = async (
  servers: Servers,
  settings: SwitchyardSettings = {},
): Promise<SwitchyardArena> => {
  await using opening = new AsyncDisposableStack();
  const postgres = await servers.postgres();
  const nats = await servers.nats();
  const databaseUrl = await postgres.createDatabase();
  opening.defer(() => postgres.dropDatabase(databaseUrl));
  await changeDatabase(databaseUrl, settings.database ?? {});
  const switchyard = opening.use(
    await startSwitchyard({
      mode: 'separate',
      databaseUrl,
      brokerUrl: nats.url,
      config: CONFIG,
      env: settings.env ?? {},
    }),
  );
  const { apiUrl, apiKey, gatewayUrl } = switchyard;
  const call = callsTo(apiUrl, apiKey);
  const key = await makeKey(call, { scopes: ['worker'], endpoints: [ENDPOINT, NEIGHBOUR] });
  const headers = { Authorization: `Bearer ${apiKey}` };
  const remaining = async (): Promise<number> => {
    const answer = await fetch(`${apiUrl}/v2/${ENDPOINT}/health`, { headers });
    const { jobs }: Health = JSON.parse(await answer.text());
    return jobs.inQueue + jobs.inProgress;
  };
  const front: Front = { origin: apiUrl, path: `/v2/${ENDPOINT}/run`, headers };
  const parts = opening.move();
  let workers = 0;
  return {
    switchyard,
    databaseUrl,
    call,
    headers,
    workerToken: key.key,
    front: async () => front,
    startWorker: async (wanted = {}) => {
      workers += 1;
      const workerId = `bench-${workers}`;
      const plan: WorkerPlan = {
        gatewayUrl: wanted.gatewayUrl ?? gatewayUrl,
        endpoint: wanted.endpoint ?? ENDPOINT,
        token: key.key,
        workerId,
        concurrency: wanted.concurrency ?? CONCURRENCY,
        isStamped: wanted.isStamped ?? false,
      };
      const env = wanted.env ?? {};
      const program = parts.use(startProgram<WorkerReport>('switchyard-worker', plan, { env }));
      const worker = await asWorker(program);
      await untilKnown(call, workerId);
      return worker;
    },
    fill: async (count) => {
      await fillJobs(databaseUrl, ENDPOINT, count);
      await queryOnce(databaseUrl, 'analyze');
    },
    submitBulk: async (jobs) => {
      const path = `/v1/endpoints/${ENDPOINT}/jobs/bulk`;
      const probe = await call(`POST ${path}`, { body: '', headers: NDJSON });
      if (probe.status === NOT_FOUND) throw new LeftOut('there is no bulk submission yet');
      const plan: SwitchyardBulkPlan = { url: `${apiUrl}${path}`, headers, jobs };
      return parts.use(startProgram<BulkReport>('switchyard-bulk', plan));
    },
    remaining,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};

/** Ours. */
export const SWITCHYARD: Contender = {
  name: 'switchyard',
  isOnPostgres: true,
  open: (servers) => openSwitchyard(servers),
};
