import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type JetStreamManager, type NatsConnection, type StreamInfo } from 'nats';
import {
  BROKER_USERS,
  type BrokerNode,
  type BrokerServers,
  type BrokerUser,
} from './broker-servers.ts';
import { freePort } from './free-port.ts';
import { type ServerChild, serverChild } from './server-child.ts';
import { REPOSITORY } from './start-switchyard.ts';

/** NATS servers that run the files of infra/nats. */
export type NatsServers = BrokerServers & {
  /** A connection of `user`, by its own password unless another is tried; the caller closes it. */
  readonly connect: (user: BrokerUser, tried?: string) => Promise<NatsConnection>;
};

type Node = BrokerNode & {
  readonly child: ServerChild;
  readonly connections: () => Promise<number>;
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
  const passwords = new Map<string, string>(BROKER_USERS.map((user) => [user, password()]));
  const routes = await Promise.all(Array.from({ length: count }, freePort));
  const env = environmentOf(passwords, routes);
  const nodes: Node[] = [];
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
  const connectAs = (user: BrokerUser, tried?: string) =>
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
    leader: async () => {
      const leader = (await infoOf(connectAs)).cluster?.leader;
      return nodes.find(({ name }) => name === leader);
    },
    members: async () => {
      const { replicas = [] } = (await infoOf(connectAs)).cluster ?? {};
      return 1 + replicas.filter(({ current, offline }) => current && !offline).length;
    },
    connections: async () =>
      new Map(
        await Promise.all(
          nodes.map(async (node) => [node, await node.connections().catch(() => 0)] as const),
        ),
      ),
    [Symbol.asyncDispose]: close,
  };
  await untilStreamsCanBeMade(connectAs).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return servers;
};

const infoOf = async (connectAs: NatsServers['connect']): Promise<StreamInfo> => {
  const connection = await connectAs('operator');
  try {
    const manager = await connection.jetstreamManager({ checkAPI: false });
    return await manager.streams.info('SWITCHYARD_SUBMIT');
  } finally {
    await connection.close();
  }
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
): Promise<Node> => {
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
    connections: async () => Number(Object(await ask('connz')).num_connections),
  };
};

/** The nodes of a cluster choose a leader first. */
const untilStreamsCanBeMade = async (
  connectAs: (user: BrokerUser) => Promise<NatsConnection>,
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
