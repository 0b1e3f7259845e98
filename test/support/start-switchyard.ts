import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { freePort } from './free-port.ts';

/** The repository that the tests run against: the one that they stand in. */
export const REPOSITORY = path.resolve(import.meta.dirname, '../..');

export const SERVICES = ['intake', 'scheduler', 'supervisor', 'notifier'] as const;
export type ServiceName = (typeof SERVICES)[number];

export type SwitchyardOptions = {
  /**
   * One for all, or each service's own way there. Unset: the embedded Postgres, which only
   * `all-in-one` may use.
   */
  readonly databaseUrl?: string | Readonly<Record<ServiceName, string>>;
  /**
   * One for all, or each service's own. Unset: the broker in process, which only `all-in-one` may
   * use.
   */
  readonly brokerUrl?: string | Readonly<Record<ServiceName, string>>;
  readonly mode: 'separate' | 'all-in-one';
  /** The text of switchyard.yaml. */
  readonly config?: string;
  /** Whose code runs: the repository, installed, or a copy of it. */
  readonly tree?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What only one service is told besides. */
  readonly serviceEnv?: (name: ServiceName) => Readonly<Record<string, string>>;
};

/** How a process ended. */
export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** One process of Switchyard, which may be killed and started again on the same ports. */
export type ServiceProcess = {
  readonly name: string;
  /** Where it answers for its health and metrics. */
  readonly url: string;
  readonly pid: () => number | undefined;
  /** Resolves when it is ready. @throws Error with its log when it ends before. */
  readonly start: () => Promise<void>;
  /** The end of what was started last. */
  readonly exited: () => Promise<Exit>;
  /** Sends the signal and waits for the end. */
  readonly end: (signal: NodeJS.Signals) => Promise<void>;
  readonly logPath: string;
};

export type Switchyard = AsyncDisposable & {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly dataDir: string;
  readonly processes: readonly ServiceProcess[];
  readonly process: (name: string) => ServiceProcess;
  /** One process more of a service, on a port of its own. It is not started yet. */
  readonly another: (service: ServiceName, name: string) => Promise<ServiceProcess>;
  /** Everything that all processes wrote. */
  readonly logs: () => Promise<string>;
  readonly close: () => Promise<void>;
};

const PORT_NAMES = {
  intake: 'PORT',
  supervisor: 'WORKER_PORT',
  scheduler: 'SCHEDULER_PORT',
  notifier: 'NOTIFIER_PORT',
} as const satisfies Record<ServiceName, string>;
const READY_WAIT_MS = 180_000;
const END_WAIT_MS = 40_000;

/** Starts Switchyard as its users do, through its command line, on free ports of loopback. */
export const startSwitchyard = async (options: SwitchyardOptions): Promise<Switchyard> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-test-'));
  const apiKey = `test-${randomBytes(24).toString('hex')}`;
  const ports = {
    PORT: await freePort(),
    WORKER_PORT: await freePort(),
    SCHEDULER_PORT: await freePort(),
    NOTIFIER_PORT: await freePort(),
  };
  const configPath = path.join(folder, 'switchyard.yaml');
  await writeFile(configPath, options.config ?? 'endpoints: {}\n');
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? folder,
    LOG_PRETTY: 'false',
    SWITCHYARD_API_KEY: apiKey,
    SWITCHYARD_MASTER_KEY: randomBytes(32).toString('base64'),
    SWITCHYARD_DATA_DIR: path.join(folder, 'data'),
    SWITCHYARD_CONFIG: configPath,
    ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
    ...options.env,
  };
  const { tree = REPOSITORY } = options;
  const make = (
    name: string,
    args: readonly string[],
    service: ServiceName,
    healthPort = ports[PORT_NAMES[service]],
  ) => {
    const port = { [PORT_NAMES[service]]: String(healthPort) };
    const more = options.serviceEnv?.(service);
    const own = { ...serversOf(options, service), ...env, ...port, ...more };
    return serviceProcess({ name, args, env: own, folder, healthPort, tree });
  };
  const processes =
    options.mode === 'separate'
      ? SERVICES.map((name) => make(name, [name], name))
      : [make('all', [], 'intake')];
  const close = async (): Promise<void> => {
    await Promise.all(processes.map((one) => one.end('SIGTERM')));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(processes.map((one) => one.start()));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    apiUrl: `http://127.0.0.1:${ports.PORT}`,
    gatewayUrl: `http://127.0.0.1:${ports.WORKER_PORT}`,
    apiKey,
    dataDir: path.join(folder, 'data'),
    processes,
    process: (name) => {
      const found = processes.find((one) => one.name === name);
      if (found === undefined) throw new TypeError(`no process ${name}`);
      return found;
    },
    another: async (service, name) => {
      const made = make(name, [service], service, await freePort());
      processes.push(made);
      return made;
    },
    logs: async () =>
      (await Promise.all(processes.map((one) => readFile(one.logPath, 'utf8')))).join(''),
    close,
    [Symbol.asyncDispose]: close,
  };
};

const serversOf = (
  { databaseUrl, brokerUrl }: SwitchyardOptions,
  name: ServiceName,
): Record<string, string> => {
  const own = (url: string | Readonly<Record<ServiceName, string>>): string =>
    typeof url === 'string' ? url : url[name];
  return {
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: own(databaseUrl) }),
    ...(brokerUrl === undefined ? {} : { BROKER_URL: own(brokerUrl) }),
  };
};

type ProcessSpec = {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly healthPort: number;
  readonly tree: string;
};

const serviceProcess = (spec: ProcessSpec): ServiceProcess => {
  const { name, args, env, folder, healthPort, tree } = spec;
  const logPath = path.join(folder, `${name}.log`);
  let child: ChildProcess | undefined;
  let exited: Promise<Exit> = Promise.resolve({ code: null, signal: null });
  return {
    name,
    url: `http://127.0.0.1:${healthPort}`,
    logPath,
    pid: () => child?.pid,
    start: async () => {
      const log = createWriteStream(logPath, { flags: 'a' });
      const started = launch(tree, args, env, log);
      child = started;
      exited = new Promise((resolve) =>
        started.once('exit', (code, signal) => resolve({ code, signal })),
      );
      await untilReady(healthPort, started, async () => readFile(logPath, 'utf8'));
    },
    exited: () => exited,
    end: async (signal) => {
      child?.kill(signal);
      const late = setTimeout(() => child?.kill('SIGKILL'), END_WAIT_MS);
      await exited;
      clearTimeout(late);
      child = undefined;
    },
  };
};

/** A program that exits in a hurry, because of a signal or a defect, leaves no service behind. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

const launch = (
  tree: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  log: WriteStream,
): ChildProcess => {
  const cli = path.join(tree, 'packages/cli/bin/switchyard.mjs');
  const child = spawn(process.execPath, [cli, 'up', ...args], {
    env,
    cwd: tree,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  return child;
};

const untilReady = async (
  port: number,
  child: ChildProcess,
  readLog: () => Promise<string>,
): Promise<void> => {
  const untilMs = performance.now() + READY_WAIT_MS;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > untilMs) {
      throw new Error(`Switchyard did not become ready:\n${await readLog()}`);
    }
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
      if (answer.ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
