import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { BROKER_USERS, type BrokerNode, type BrokerServers } from './broker-servers.ts';
import { freePort } from './free-port.ts';
import { type ServerChild, serverChild } from './server-child.ts';
import { REPOSITORY } from './start-switchyard.ts';

const CONFIGURATION = path.join(REPOSITORY, 'infra/rabbitmq');
const VHOST = 'switchyard';
/** Debian's own commands in PATH insist on a user and folders of theirs. */
const PROGRAMS = '/usr/lib/rabbitmq/bin';
const GREETING = Buffer.from('AMQP\0\0\x09\x01', 'latin1');
const run = promisify(execFile);

type Ground = {
  readonly folder: string;
  readonly epmd: ServerChild;
  readonly env: Readonly<Record<string, string>>;
};

/** One server of `infra/rabbitmq/10-switchyard.conf`, with its users. */
export const startRabbitWithUsers = (): Promise<BrokerServers> => startServers(1);

/** Three with `20-cluster.conf` as well. */
export const startRabbitCluster = (): Promise<BrokerServers> => startServers(3);

const startServers = async (count: number): Promise<BrokerServers> => {
  await using started = new AsyncDisposableStack();
  const ground = await prepareGround(started);
  const names = Array.from({ length: count }, (_, index) => `node${index + 1}@localhost`);
  const nodes = await Promise.all(
    names.map((name) => makeNode(name, { ...ground, names: count === 1 ? [] : names }, started)),
  );
  // The first of a cluster comes first, so that the others find it.
  await Promise.all(nodes.map((node) => node.start()));
  const passwords = new Map(BROKER_USERS.map((user) => [user, randomBytes(24).toString('hex')]));
  const control = makeControl(ground, nodes);
  await run('sh', [path.join(CONFIGURATION, 'set-up.sh')], {
    env: {
      ...ground.env,
      RABBITMQ_NODENAME: names[0] ?? '',
      ...Object.fromEntries(
        [...passwords].map(([user, secret]) => [`RABBITMQ_${user.toUpperCase()}_PASSWORD`, secret]),
      ),
    },
  });
  const parts = started.move();
  return {
    nodes,
    url: (user) => {
      const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
      return `amqp://${user}:${passwords.get(user)}@${hosts}/${VHOST}`;
    },
    leader: async () => {
      const lines = await control(['list_queues', '-p', VHOST, 'name', 'leader']);
      const found = lines.find((line) => line.startsWith('switchyard.submit\t'));
      return nodes.find(({ name }) => found?.includes(name));
    },
    members: async () => {
      const lines = await control(['list_queues', '-p', VHOST, 'name', 'online']);
      const found = lines.find((line) => line.startsWith('switchyard.submit\t'));
      return nodes.filter(({ name }) => found?.includes(name)).length;
    },
    connections: async () => {
      const lines = await control(['list_connections', 'pid']);
      return new Map(
        nodes.map((node) => [node, lines.filter((line) => line.includes(`<${node.name}.`)).length]),
      );
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};

/** A home with a cookie, and a name server of its own, so that no other node is ever met. */
const prepareGround = async (started: AsyncDisposableStack): Promise<Ground> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-rabbitmq-'));
  const home = path.join(folder, 'home');
  await mkdir(home);
  const cookie = path.join(home, '.erlang.cookie');
  await writeFile(cookie, randomBytes(16).toString('hex'));
  await chmod(cookie, 0o400);
  const epmd = serverChild(folder, path.join(folder, 'epmd.log'));
  started.defer(() => epmd.remove());
  const port = await freePort();
  await epmd.start({ file: 'epmd', args: ['-port', String(port), '-address', '127.0.0.1'] }, () =>
    isOpen(port),
  );
  const env = {
    PATH: `${PROGRAMS}:${process.env.PATH ?? ''}`,
    HOME: home,
    LC_ALL: 'C.UTF-8',
    ERL_EPMD_PORT: String(port),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  };
  return { folder, epmd, env };
};

const makeNode = async (
  name: string,
  { folder, env, names }: Ground & { readonly names: readonly string[] },
  started: AsyncDisposableStack,
): Promise<BrokerNode> => {
  const own = path.join(folder, name);
  const inside = (file: string): string => path.join(own, file);
  const port = await freePort();
  await mkdir(inside('conf.d'), { recursive: true });
  const files = (await readdir(CONFIGURATION)).filter((file) => file.endsWith('.conf'));
  for (const file of files) {
    if (names.length === 0 && file.includes('cluster')) continue;
    await copyFile(path.join(CONFIGURATION, file), path.join(inside('conf.d'), file));
  }
  const peers = names.map(
    (peer, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${peer}`,
  );
  const lines = [
    `listeners.tcp.default = 127.0.0.1:${port}`,
    ...peers,
    'log.console.level = error',
  ];
  await writeFile(path.join(inside('conf.d'), '90-test.conf'), `${lines.join('\n')}\n`);
  await writeFile(inside('plugins'), '[].\n');
  await writeFile(inside('none'), '');
  const child = serverChild(own, path.join(folder, `${name}.log`));
  started.defer(async () => {
    await child.end('SIGKILL');
    await child.remove();
  });
  const distPort = await freePort();
  return {
    name,
    port,
    kill: () => child.end('SIGKILL'),
    start: () =>
      child.start(
        {
          file: path.join(PROGRAMS, 'rabbitmq-server'),
          args: [],
          env: { ...env, ...environmentOf(name, own, distPort) },
        },
        () => isOpen(port, GREETING),
      ),
  };
};

const environmentOf = (name: string, folder: string, distPort: number): Record<string, string> => ({
  // The shell becomes the server, so that signals reach it.
  RUNNING_UNDER_SYSTEMD: 'true',
  RABBITMQ_NODENAME: name,
  RABBITMQ_DIST_PORT: String(distPort),
  RABBITMQ_CONF_ENV_FILE: path.join(folder, 'none'),
  RABBITMQ_CONFIG_FILES: path.join(folder, 'conf.d/*.conf'),
  RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, 'plugins'),
  RABBITMQ_MNESIA_BASE: path.join(folder, 'store'),
  RABBITMQ_LOG_BASE: path.join(folder, 'log'),
  RABBITMQ_LOGS: '-',
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1} +sbwt none',
});

/** Whether somebody listens on `port`, and answers `greeting` if there is one. */
const isOpen = (port: number, greeting?: Buffer): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port, timeout: 2_000 });
    const settle = (answer: boolean): void => {
      resolve(answer);
      socket.destroy();
    };
    socket.once('connect', () => {
      if (greeting === undefined) settle(true);
      else socket.write(greeting);
    });
    socket.once('data', (data) => settle(data[0] === 1));
    for (const failure of ['timeout', 'error', 'close']) socket.once(failure, () => settle(false));
  });

/** `rabbitmqctl` on the first node that answers it. @returns the lines that it prints. */
const makeControl =
  ({ env }: Ground, nodes: readonly BrokerNode[]) =>
  async (args: readonly string[]): Promise<string[]> => {
    for (const { name } of nodes) {
      const all = ['--silent', '-n', name, ...args];
      const printed = await run(path.join(PROGRAMS, 'rabbitmqctl'), all, { env }).catch(
        () => undefined,
      );
      if (printed !== undefined) return printed.stdout.split('\n').filter(Boolean);
    }
    throw new Error(`no node answers rabbitmqctl ${args.join(' ')}`);
  };
