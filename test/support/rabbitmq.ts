import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { freePort } from './free-port.ts';
import { serverChild } from './server-child.ts';

/** A private RabbitMQ of one node. */
export type TestRabbit = AsyncDisposable & {
  /** The same after every start. */
  readonly url: string;
  readonly pid: number;
  /** Ends it in its own way; what it stored stays for `start`. */
  stop(): Promise<void>;
  /** kill -9; resolves once it is gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Kills it and removes all that it stored: the total loss of a broker. `start` follows. */
  wipe(): Promise<void>;
  /** Stops it and removes its temporary folder. */
  close(): Promise<void>;
};

export type RabbitOptions = {
  /** Lines for its configuration file. */
  readonly config?: string;
  /** Of those that come with it. */
  readonly plugins?: readonly string[];
  /** Virtual hosts beside `/`: what is in one has nothing to do with what is in another. */
  readonly vhosts?: readonly string[];
};

/** Debian's wrapper of that name insists on a user and on folders of its own. */
export const RABBITMQ_SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** Whether a server of AMQP greets on `port`: it answers a header of no version with its own. */
const greets = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port, timeout: 1_000 });
    const settle = (answer: boolean) => {
      resolve(answer);
      socket.destroy();
    };
    socket.once('connect', () => socket.write('AMQP\0\0\0\0'));
    socket.once('data', (data) => settle(data.toString('latin1', 0, 4) === 'AMQP'));
    for (const failure of ['timeout', 'error', 'close']) socket.once(failure, () => settle(false));
  });

/** What keeps a node apart from every other one on the machine, and off all but loopback. */
const environmentOf = (folder: string, port: number, distPort: number): Record<string, string> => {
  const node = `test${port}@localhost`;
  const distribution = [
    `-sname ${node} -start_epmd false -erl_epmd_port ${distPort}`,
    '-kernel inet_dist_use_interface {127,0,0,1} +sbwt none',
  ];
  return {
    HOME: folder,
    // The server starts an `erl` of its own that would leave a daemon behind.
    ERL_ZFLAGS: '-start_epmd false',
    LC_ALL: 'C.UTF-8',
    // The shell becomes the server, so that signals reach it.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_NODENAME: node,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_CONF_ENV_FILE: path.join(folder, 'none'),
    RABBITMQ_CONFIG_FILE: path.join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, 'plugins'),
    RABBITMQ_MNESIA_BASE: path.join(folder, 'store'),
    RABBITMQ_LOG_BASE: path.join(folder, 'logs'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: distribution.join(' '),
  };
};

/** With definitions the server makes no user by itself, so here it is. */
const definitionsOf = (vhosts: readonly string[]) => ({
  users: [{ name: 'guest', password: 'guest', tags: 'administrator' }],
  vhosts: vhosts.map((name) => ({ name })),
  permissions: vhosts.map((vhost) => ({
    ...{ user: 'guest', vhost },
    ...{ configure: '.*', write: '.*', read: '.*' },
  })),
});

/** Starts a private RabbitMQ on 127.0.0.1; it takes some seconds. */
export const startRabbit = async (options: RabbitOptions = {}): Promise<TestRabbit> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-rabbitmq-'));
  const storeDir = path.join(folder, 'store');
  const child = serverChild(folder, path.join(folder, 'log'));
  const [port, distPort] = [await freePort(), await freePort()];
  const env = environmentOf(folder, port, distPort);
  await writeFile(path.join(folder, 'none'), '');
  await writeFile(path.join(folder, 'plugins'), `[${options.plugins?.join(',') ?? ''}].\n`);
  const definitions = path.join(folder, 'definitions.json');
  await writeFile(definitions, JSON.stringify(definitionsOf(['/', ...(options.vhosts ?? [])])));
  const lines = ['log.console.level = error', `load_definitions = ${definitions}`];
  const config = [...lines, options.config ?? '', ''].join('\n');
  await writeFile(path.join(folder, 'rabbitmq.conf'), config);

  const start = async (): Promise<void> => {
    await mkdir(storeDir, { recursive: true });
    await child.start({ file: RABBITMQ_SERVER, args: [], env }, () => greets(port));
  };
  try {
    await start();
  } catch (error) {
    await child.remove();
    throw error;
  }
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    get pid() {
      return child.pid();
    },
    stop: () => child.end('SIGTERM'),
    kill: () => child.end('SIGKILL'),
    start,
    wipe: async () => {
      await child.end('SIGKILL');
      await rm(storeDir, { recursive: true, force: true });
    },
    close: () => child.remove(),
    [Symbol.asyncDispose]: () => child.remove(),
  };
};
