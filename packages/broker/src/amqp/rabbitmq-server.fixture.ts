import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freezeProcess } from '../contract/freeze-process.ts';

/** A real RabbitMQ of a test's own, which may be ended and started again on its port. */
export type RabbitServer = {
  readonly url: string;
  readonly port: number;
  /** With other lines for its configuration, if any are given. */
  start(config?: string): Promise<void>;
  /** Resolves when the process has ended. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Plays a server that hangs; resolves when it does. */
  freeze(): Promise<void>;
  /** Lets it go on. */
  thaw(): void;
  /** Deletes all that it has stored; it must be stopped. */
  wipe(): Promise<void>;
  /** Ends the process and removes its directory. */
  end(): Promise<void>;
};

/** Debian's wrapper of that name insists on a user and folders of its own. */
const PROGRAM = '/usr/lib/rabbitmq/bin/rabbitmq-server';
/** The kernel ends the server when the tests are killed. */
const GUARD = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'KILL'] : [];
const STARTED = 'completed with';
const PRINTED_MAX_CHARS = 10_000;

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
};

/** Not one that the kernel gives to connections, which could take it while the server is away. */
const freePort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    if (await isFree(port)) return port;
  }
};

/** Reads on for ever: the server would die of a log that nobody reads. */
const ready = async (child: ChildProcess): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let printed = '';
  const read = (chunk: Buffer): void => {
    printed = (printed + chunk.toString()).slice(-PRINTED_MAX_CHARS);
    if (printed.includes(STARTED)) resolve();
  };
  child.stdout?.on('data', read);
  child.stderr?.on('data', read);
  child.once('error', reject);
  child.once('exit', () => reject(new Error(`rabbitmq-server ended: ${printed}`)));
  await promise;
};

/** What keeps a node apart from every other one on the machine, and off all but loopback. */
const environmentOf = (directory: string, port: number, distPort: number) => {
  const node = `test${port}@localhost`;
  const distribution = [
    `-sname ${node} -start_epmd false -erl_epmd_port ${distPort}`,
    '-kernel inet_dist_use_interface {127,0,0,1} +sbwt none',
  ];
  return {
    // The server starts an `erl` of its own that would leave a daemon behind.
    ERL_ZFLAGS: '-start_epmd false',
    // biome-ignore lint/style/noProcessEnv: a fixture of tests, which reads no configuration.
    PATH: process.env.PATH,
    HOME: directory,
    LC_ALL: 'C.UTF-8',
    // The shell becomes the server, so that signals reach it.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_NODENAME: node,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_CONF_ENV_FILE: path.join(directory, 'none'),
    RABBITMQ_CONFIG_FILE: path.join(directory, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: path.join(directory, 'plugins'),
    RABBITMQ_MNESIA_BASE: path.join(directory, 'store'),
    RABBITMQ_LOG_BASE: path.join(directory, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: distribution.join(' '),
  };
};

/**
 * Starts one on a free port of loopback; `config` is added to its configuration file.
 * `definitions` are users, permissions and the like, as the server imports them.
 */
export const startRabbitServer = async (
  config = '',
  definitions?: object,
): Promise<RabbitServer> => {
  const directory = await mkdtemp(path.join(tmpdir(), 'switchyard-rabbitmq-'));
  const inside = (name: string): string => path.join(directory, name);
  const [port, distPort] = [await freePort(), await freePort()];
  await writeFile(inside('plugins'), '[].\n');
  await writeFile(inside('none'), '');
  let imports = '';
  if (definitions !== undefined) {
    await writeFile(inside('definitions.json'), JSON.stringify(definitions));
    imports = `load_definitions = ${inside('definitions.json')}\n`;
  }
  let child: ChildProcess | undefined;

  const stop = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    child = undefined;
  };
  const start = async (lines = config): Promise<void> => {
    await writeFile(inside('rabbitmq.conf'), `log.console.level = error\n${imports}${lines}\n`);
    const [program = PROGRAM, ...args] = [...GUARD, PROGRAM];
    child = spawn(program, args, {
      cwd: directory,
      env: environmentOf(directory, port, distPort),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await ready(child);
  };
  await start();
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    port,
    start,
    stop,
    freeze: async () => {
      if (child?.pid !== undefined) await freezeProcess(child.pid);
    },
    thaw: () => child?.kill('SIGCONT'),
    wipe: () => rm(inside('store'), { recursive: true, force: true }),
    end: async () => {
      await stop('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
};
