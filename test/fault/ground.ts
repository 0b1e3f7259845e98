import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { callsTo, textIn } from '../acceptance/support/call-http.ts';
import { makeKey } from '../acceptance/support/setup-calls.ts';
import type { BrokerName } from '../support/brokers.ts';
import { startNats } from '../support/nats.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startRabbit } from '../support/rabbitmq.ts';
import { type RunpodWorker, startRunpodWorker } from '../support/start-runpod-worker.ts';
import { type SERVICES, type Switchyard, startSwitchyard } from '../support/start-switchyard.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { workerEnvironment } from '../support/worker-environment.ts';
import { makeClock, type TestClock } from './clock.ts';
import type { ClockTarget, Way, WorkerTarget } from './draw-faults.ts';
import { noteListedClaims } from './note-listed-claims.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';

/** Every endpoint of the run, and who works for it. */
export const ENDPOINTS = {
  /** Workers of our library and of RunPod's protocol, from elsewhere. */
  main: 'main',
  /** A worker that the supervisor starts. */
  local: 'local',
  /** Nobody: jobs run out of time there, and are purged. */
  idle: 'idle',
} as const;

export type FaultBroker = {
  readonly url: string;
  kill(): Promise<void>;
  wipe(): Promise<void>;
  start(): Promise<void>;
};

/** The whole system with a proxy in each way, and all that may be broken of it. */
export type Ground = AsyncDisposable & {
  /** Journals and logs of the run. */
  readonly folder: string;
  readonly postgres: TestPostgres;
  /** Its database, on a way that is never broken. */
  readonly databaseUrl: string;
  readonly disk: SmallDisk | undefined;
  readonly broker: FaultBroker;
  readonly switchyard: Switchyard;
  /** For clients: through the proxy. */
  readonly apiUrl: string;
  readonly proxies: Readonly<Record<Way, TcpProxy>>;
  readonly clocks: Readonly<Record<ClockTarget, TestClock>>;
  readonly workers: Readonly<Record<WorkerTarget, ChildProcess>>;
  readonly runpod: RunpodWorker;
  /** How many jobs each of the workers from elsewhere takes at a time. */
  readonly concurrency: ReadonlyMap<string, number>;
  /** What webhooks are signed with. */
  readonly webhookSecrets: readonly string[];
  /** For an endpoint, a client's key that is limited to it. */
  readonly clientKeys: Readonly<Record<string, string>>;
};

export type GroundOptions = {
  readonly broker: BrokerName;
  /** Where webhooks go, on loopback. */
  readonly webhookPort: number;
  readonly diskMib: number;
  /** For every service besides. */
  readonly env?: Readonly<Record<string, string>>;
  /** Lines of `endpoints` and `workerTemplates` besides, for workers that write into `folder`. */
  readonly config?: (folder: string) => { readonly endpoints: string; readonly templates: string };
};

const CONCURRENCY = 16;
const RUNPOD_CONCURRENCY = 8;
const LOCAL_CONCURRENCY = 8;
/** The program of every worker of our library. */
export const WORKER = path.join(import.meta.dirname, 'worker.ts');

const configOf = (folder: string, { config }: GroundOptions, allowed: string): string => {
  const more = config?.(folder);
  return `
endpoints:
  ${ENDPOINTS.main}: { name: Main }
  ${ENDPOINTS.local}:
    name: Local
    worker: { template: local, concurrency: ${LOCAL_CONCURRENCY}, minimum: 1, maximum: 1 }
    limits: { maxConcurrent: ${LOCAL_CONCURRENCY} }
  ${ENDPOINTS.idle}: { name: Idle }
${more?.endpoints ?? ''}
workerTemplates:
  local: { command: [node, ${WORKER}, ${folder}, ${ENDPOINTS.local}] }
${more?.templates ?? ''}
webhooks: { allowPrivateTargets: [${allowed}] }
`;
};

/** Webhooks may go to this address alone. */
const OPEN_TARGETS = '127.0.0.1/32';
/**
 * Intake takes webhooks to all of loopback, as if the range had been narrowed since, or names had
 * come to mean another address: the notifier must look for itself.
 */
const FORMERLY_OPEN_TARGETS = '127.0.0.0/8';

/** Starts everything, on free ports of loopback. */
export const openGround = async (options: GroundOptions): Promise<Ground> => {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-fault-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  // Postgres is another user, whose disk and clock are in it.
  await chmod(folder, 0o755);
  const clocks = makeClocks(folder);
  const mounted = mountSmallDisk(path.join(folder, 'disk'), options.diskMib);
  const disk = mounted && started.use(mounted);
  const postgres = started.use(await startOnDisk(disk, clocks.postgres));
  const broker = started.use(await (options.broker === 'nats' ? startNats() : startRabbit()));
  const databaseUrl = await postgres.createDatabase('faults');
  const serverPorts = { postgres: portOf(postgres.url), broker: portOf(broker.url) };
  const inner = await openServerWays(started, serverPorts);
  const through = (url: string, way: (name: ServiceOf) => ServerWay) =>
    byService((name) => withPort(url, inner[way(name)].port));
  const intakeConfig = path.join(folder, 'intake.yaml');
  await writeFile(intakeConfig, configOf(folder, options, FORMERLY_OPEN_TARGETS));
  const switchyard = started.use(
    await startSwitchyard({
      mode: 'separate',
      databaseUrl: through(databaseUrl, (name) => `${name}-postgres`),
      brokerUrl: through(broker.url, (name) => `${name}-broker`),
      config: configOf(folder, options, OPEN_TARGETS),
      serviceEnv: (name) => ({
        ...{ ...clocks[name].env, ...options.env },
        ...(name === 'intake' ? { SWITCHYARD_CONFIG: intakeConfig } : {}),
      }),
    }),
  );
  await noteListedClaims(databaseUrl);
  const outer = {
    'clients-intake': started.use(await startTcpProxy(portOf(switchyard.apiUrl))),
    'workers-gateway': started.use(await startTcpProxy(portOf(switchyard.gatewayUrl))),
    'notifier-webhooks': started.use(await startTcpProxy(options.webhookPort)),
  };
  const proxies = { ...inner, ...outer };
  const gatewayUrl = withPort(switchyard.gatewayUrl, outer['workers-gateway'].port);
  const workers = await startWorkers(started, switchyard, gatewayUrl, folder);
  const webhookSecrets = await makeSecrets(switchyard);
  const clientKeys = await makeClientKeys(switchyard);
  const parts = started.move();
  return {
    ...{ folder, postgres, databaseUrl, disk, broker, switchyard, proxies, clocks, ...workers },
    apiUrl: withPort(switchyard.apiUrl, outer['clients-intake'].port),
    ...{ webhookSecrets, clientKeys },
    concurrency: new Map([
      ['worker-one', CONCURRENCY],
      ['worker-two', CONCURRENCY],
      ['worker-runpod', RUNPOD_CONCURRENCY],
    ]),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};

const makeSecrets = ({ apiUrl, apiKey }: Switchyard): Promise<string[]> => {
  const call = callsTo(apiUrl, apiKey);
  return Promise.all(
    Object.values(ENDPOINTS).map(async (endpoint) =>
      textIn(await call(`POST /v1/endpoints/${endpoint}/webhook-secret`), 'secret'),
    ),
  );
};

const makeClientKeys = async ({ apiUrl, apiKey }: Switchyard): Promise<Record<string, string>> => {
  const call = callsTo(apiUrl, apiKey);
  const keyOf = async (endpoint: string): Promise<string> =>
    (await makeKey(call, { scopes: ['submit', 'read'], endpoints: [endpoint] })).key;
  return {
    [ENDPOINTS.main]: await keyOf(ENDPOINTS.main),
    [ENDPOINTS.local]: await keyOf(ENDPOINTS.local),
  };
};

type ServiceOf = (typeof SERVICES)[number];

const byService = <Value>(make: (name: ServiceOf) => Value) => ({
  intake: make('intake'),
  scheduler: make('scheduler'),
  supervisor: make('supervisor'),
  notifier: make('notifier'),
});

const portOf = (url: string): number => Number(new URL(url).port);

const withPort = (url: string, port: number): string => url.replace(/:\d+(?=\/|$)/, `:${port}`);

const makeClocks = (folder: string): Record<ClockTarget, TestClock> => ({
  ...byService((name) => makeClock(folder, name)),
  postgres: makeClock(folder, 'postgres'),
});

const startOnDisk = (disk: SmallDisk | undefined, { env }: TestClock): Promise<TestPostgres> =>
  startPostgres({
    env,
    ...(disk === undefined ? {} : { dataDir: path.join(disk.folder, 'data') }),
    // So that the log of changes leaves room on a small disk.
    settings: { max_wal_size: '128MB', min_wal_size: '64MB', wal_recycle: 'off' },
  });

type ServerWay = Exclude<Way, 'clients-intake' | 'workers-gateway' | 'notifier-webhooks'>;

const openServerWays = async (
  started: AsyncDisposableStack,
  ports: { readonly postgres: number; readonly broker: number },
): Promise<Record<ServerWay, TcpProxy>> => {
  const open = async (server: 'postgres' | 'broker') =>
    started.use(await startTcpProxy(ports[server]));
  return {
    'intake-postgres': await open('postgres'),
    'intake-broker': await open('broker'),
    'scheduler-postgres': await open('postgres'),
    'scheduler-broker': await open('broker'),
    'supervisor-postgres': await open('postgres'),
    'supervisor-broker': await open('broker'),
    'notifier-postgres': await open('postgres'),
    'notifier-broker': await open('broker'),
  };
};

const startWorkers = async (
  started: AsyncDisposableStack,
  { apiUrl, apiKey }: Switchyard,
  gatewayUrl: string,
  folder: string,
): Promise<Pick<Ground, 'workers' | 'runpod'>> => {
  const endpoint = ENDPOINTS.main;
  const granted = { scopes: ['worker'], endpoints: [endpoint] };
  const { key: token } = await makeKey(callsTo(apiUrl, apiKey), granted);
  const start = (workerId: string): ChildProcess => {
    const log = openSync(path.join(folder, `${workerId}.log`), 'a');
    const child = spawn(process.execPath, [WORKER, folder, endpoint], {
      stdio: ['ignore', log, log],
      env: {
        ...workerEnvironment({ base: `${gatewayUrl}/v2/${endpoint}`, endpoint, token, workerId }),
        SWITCHYARD_WORKER_CONCURRENCY: String(CONCURRENCY),
        SWITCHYARD_PARENT_PID: String(process.pid),
      },
    });
    closeSync(log);
    started.defer(async () => {
      const exited = once(child, 'exit');
      if (child.kill('SIGKILL')) await exited;
    });
    return child;
  };
  const workers = { 'worker-one': start('worker-one'), 'worker-two': start('worker-two') };
  const runpod = startRunpodWorker({
    ...{ gatewayUrl: `${gatewayUrl}/v2`, endpoint, workerToken: token },
    ...{ workerId: 'worker-runpod', concurrency: RUNPOD_CONCURRENCY },
  });
  started.defer(() => runpod.close());
  return { workers, runpod };
};
