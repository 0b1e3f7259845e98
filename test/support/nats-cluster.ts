import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import { freePort } from './free-port.ts';
import { type ServerChild, serverChild } from './server-child.ts';
import { REPOSITORY } from './start-switchyard.ts';

export const NATS_USERS = [
  'operator',
  'intake',
  'scheduler',
  'supervisor',
  'notifier',
  'producer',
  'watcher',
] as const;
export type NatsUser = (typeof NATS_USERS)[number];

/** One server of a cluster, or one alone. */
export type NatsNode = {
  readonly name: string;
  /** Where clients connect. */
  readonly port: number;
  /** kill -9; resolves once it is gone. What it stored stays for `start`. */
  kill(): Promise<void>;
  /** Resolves when JetStream on it is up with the others. */
  start(): Promise<void>;
  /** The names that the connections to it gave themselves. */
  connections(): Promise<string[]>;
};

/** Servers that run the files of infra/nats, with passwords that were made for them. */
export type NatsServers = AsyncDisposable & {
  readonly nodes: readonly NatsNode[];
  /** All of them, for `user`, as BROKER_URL has it. */
  readonly url: (user: NatsUser) => string;
  /** A connection of `user`, by its own password unless another is tried; the caller closes it. */
  readonly connect: (user: NatsUser, tried?: string) => Promise<NatsConnection>;
  /** The node that leads `stream`. */
  readonly leaderOf: (stream: string) => Promise<NatsNode | undefined>;
};

const READY_MS = 30_000;
const LOOK_AGAIN_MS = 50;

/** Begins with a letter: a value that looks like a number would be read as one. */
const password = (): string => `p${randomBytes(24).toString('hex')}`;

/** One server of `infra/nats/nats-server.conf`. */
export const startNatsWithUsers = (): Promise<NatsServers> => startServers(1);

/** Three of `infra/nats/nats-cluster.conf`. */
export const startNatsCluster = (): Promise<NatsServers> => startServers(3);

const startServers = async (count: number): Promise<NatsServers> => {
  const passwords = new Map<string, string>(NATS_USERS.map((user) => [user, password()]));
  const routes = await Promise.all(Array.from({ length: count }, freePort));
  const env = environmentOf(passwords, routes);
  const nodes: (NatsNode & { child: ServerChild })[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(nodes.map(({ child }) => child.remove()));
  };
  for (const [index, route] of routes.entries()) {
    nodes.push(await makeNode(`node-${index + 1}`, count === 1 ? undefined : route, env));
  }
  try {
    await Promise.all(nodes.map((node) => node.start()));
  } catch (error) {
    await close();
    throw error;
  }
  const connectAs = (user: NatsUser, tried?: string) =>
    connect({
      servers: nodes.map(({ port }) => `127.0.0.1:${port}`),
      user,
      pass: tried ?? passwords.get(user) ?? '',
      inboxPrefix: `_INBOX.${user}`,
      name: `test ${user}`,
    });
  const servers: NatsServers = {
    nodes,
    url: (user) => {
      const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
      return `nats://${user}:${passwords.get(user)}@${hosts}`;
    },
    connect: connectAs,
    leaderOf: async (stream) => {
      const connection = await connectAs('operator');
      try {
        const manager = await connection.jetstreamManager({ checkAPI: false });
        const leader = (await manager.streams.info(stream)).cluster?.leader;
        return nodes.find(({ name }) => name === leader);
      } finally {
        await connection.close();
      }
    },
    [Symbol.asyncDispose]: close,
  };
  await untilStreamsCanBeMade(connectAs).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return servers;
};

const environmentOf = (
  passwords: ReadonlyMap<string, string>,
  routes: readonly number[],
): Record<string, string> => {
  const route = password();
  return {
    ...Object.fromEntries(
      [...passwords].map(([user, secret]) => [`NATS_${user.toUpperCase()}_PASSWORD`, secret]),
    ),
    NATS_ADMIN_PASSWORD: password(),
    NATS_ROUTE_PASSWORD: route,
    ...Object.fromEntries(
      routes.map((port, index) => [
        `NATS_ROUTE_${index + 1}`,
        `nats-route://route:${route}@127.0.0.1:${port}`,
      ]),
    ),
  };
};

const makeNode = async (
  name: string,
  route: number | undefined,
  shared: Readonly<Record<string, string>>,
): Promise<NatsNode & { child: ServerChild }> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-nats-'));
  const child = serverChild(folder, path.join(folder, 'log'));
  const [port, monitor] = [await freePort(), await freePort()];
  const file = route === undefined ? 'nats-server.conf' : 'nats-cluster.conf';
  const env = {
    ...shared,
    NATS_NODE: name,
    NATS_LISTEN: `127.0.0.1:${port}`,
    NATS_STORE_DIR: path.join(folder, 'store'),
    ...(route === undefined ? {} : { NATS_CLUSTER_LISTEN: `127.0.0.1:${route}` }),
  };
  const own = ['-a', '127.0.0.1', '-p', String(port), '-m', String(monitor)];
  const args = ['-c', path.join(REPOSITORY, 'infra/nats', file), ...own];
  const ask = async (what: string): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${monitor}/${what}`);
    if (!answer.ok) throw new Error(`${what}: ${answer.status}`);
    return await answer.json();
  };
  return {
    name,
    port,
    child,
    kill: () => child.end('SIGKILL'),
    start: async () => {
      await child.start({ file: 'nats-server', args, env }, () =>
        ask('healthz').then(
          () => true,
          () => false,
        ),
      );
    },
    connections: async () => {
      const found = await ask('connz?limit=1000');
      return namesIn(found);
    },
  };
};

const namesIn = (found: unknown): string[] => {
  const list: unknown = Object(found).connections;
  if (!Array.isArray(list)) return [];
  return list.map((one: unknown) => String(Object(one).name ?? ''));
};

/** The nodes of a cluster choose a leader first. */
const untilStreamsCanBeMade = async (
  connectAs: (user: NatsUser) => Promise<NatsConnection>,
): Promise<void> => {
  const connection = await connectAs('operator');
  const manager: JetStreamManager = await connection.jetstreamManager({ checkAPI: false });
  const untilMs = performance.now() + READY_MS;
  try {
    for (;;) {
      try {
        await manager.getAccountInfo();
        return;
      } catch (error) {
        if (performance.now() > untilMs) throw error;
        await pause(LOOK_AGAIN_MS);
      }
    }
  } finally {
    await connection.close();
  }
};
