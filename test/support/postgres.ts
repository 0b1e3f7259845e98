import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './free-port.ts';
import {
  type PostgresVersion,
  postgresCommand,
  postgresFolder,
  serverUser,
} from './postgres-binaries.ts';
import { serverChild } from './server-child.ts';

export type PostgresOptions = {
  /** Default `debian`. */
  readonly version?: PostgresVersion;
  /** Default true, as in production; false for tests that only want an answer. */
  readonly fsync?: boolean;
  /** More settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** For the server's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** A folder for its data that the caller removes; default a temporary one. */
  readonly dataDir?: string;
};

const STOP_SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;
export type StopMode = keyof typeof STOP_SIGNALS;

/** A private cluster in a temporary folder. */
export type TestPostgres = AsyncDisposable & {
  /** Of a superuser; the same after every start. */
  readonly url: string;
  readonly pid: number;
  readonly dataDir: string;
  /** Makes an empty database. @returns its URL. */
  createDatabase(name?: string): Promise<string>;
  dropDatabase(url: string): Promise<void>;
  /** Default `fast`. The data stay for `start`. */
  stop(mode?: StopMode): Promise<void>;
  /** kill -9 of the postmaster and every process of it; resolves once all are gone. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port. */
  start(): Promise<void>;
  /** What pg_dump prints; only for `debian`, since the embedded one has no pg_dump. */
  dump(url?: string): Promise<string>;
  /** Stops it and removes the data. */
  close(): Promise<void>;
};

const run = promisify(execFile);
const DUMP_MAX_BYTES = 2 ** 30;
const PORTS_MAX = 5;

/** Runs one statement on a connection of its own. */
const runStatement = async (url: string, statement: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query(statement).finally(() => client.end());
};

const databaseUrl = (serverUrl: string, name: string): string => {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
};

/** Makes an empty database on the server of `serverUrl`. @returns its URL. */
export const createDatabase = async (serverUrl: string, name?: string): Promise<string> => {
  const chosen = name ?? `test_${randomBytes(8).toString('hex')}`;
  await runStatement(serverUrl, `create database ${pg.escapeIdentifier(chosen)}`);
  return databaseUrl(serverUrl, chosen);
};

/** Drops the database of `url`, with whatever sessions it still has. */
export const dropDatabase = (serverUrl: string, url: string): Promise<void> => {
  const name = pg.escapeIdentifier(new URL(url).pathname.slice(1));
  return runStatement(serverUrl, `drop database if exists ${name} with (force)`);
};

const initdb = async (version: PostgresVersion, dataDir: string): Promise<void> => {
  const flags = ['--username=postgres', '--auth=trust', '--locale=C', '--encoding=UTF8'];
  const args = ['-D', dataDir, ...flags, '--data-checksums', '--no-sync'];
  const { prefix = [], file, args: all, ...who } = postgresCommand(version, 'initdb', args);
  const [program = file, ...rest] = [...prefix, file, ...all];
  await run(program, rest, { cwd: '/', ...who });
};

const isReady = async (dataDir: string, pid: number): Promise<boolean> => {
  const text = await readFile(path.join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const lines = text.split('\n');
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
};

const isAlive = (pid: number): Promise<boolean> =>
  readFile(`/proc/${pid}/stat`, 'utf8').then(
    (text) => !/\) Z /.test(text),
    () => false,
  );

/** Every process of a server leads its own session, so a signal to a group would miss them. */
const killAll = async (postmaster: number): Promise<void> => {
  // Stopped first, so that it starts no process between the look and the blow.
  process.kill(postmaster, 'SIGSTOP');
  const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8');
  const pids = [postmaster, ...children.trim().split(' ').filter(Boolean).map(Number)];
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  for (const pid of pids) while (await isAlive(pid)) await pause(5);
};

/** Starts a private Postgres on a free port of 127.0.0.1, with a cluster of its own. */
export const startPostgres = async (options: PostgresOptions = {}): Promise<TestPostgres> => {
  const { version = 'debian', fsync = true, settings = {}, env = {} } = options;
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-postgres-'));
  const dataDir = options.dataDir ?? path.join(folder, 'data');
  const user = version === 'debian' ? serverUser() : undefined;
  await mkdir(dataDir, { recursive: true });
  if (user !== undefined) {
    for (const owned of [folder, dataDir]) await chown(owned, user.uid, user.gid);
  }
  const child = serverChild(folder, path.join(folder, 'log'));

  const launch = (port: number): Promise<void> => {
    const chosen = {
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: 200,
      fsync: fsync ? 'on' : 'off',
      ...settings,
    };
    const flags = Object.entries(chosen).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const command = postgresCommand(version, 'postgres', ['-D', dataDir, ...flags]);
    return child.start({ ...command, env }, (pid) => isReady(dataDir, pid));
  };

  /** @returns the port, which is another one when a rival took the first between look and use. */
  const launchFirst = async (tries = 1): Promise<number> => {
    const port = await freePort();
    try {
      await launch(port);
      return port;
    } catch (error) {
      if (tries >= PORTS_MAX || !String(error).includes('Address already in use')) throw error;
      return launchFirst(tries + 1);
    }
  };

  const prepare = async (): Promise<number> => {
    await initdb(version, dataDir);
    return launchFirst();
  };
  const port = await prepare().catch(async (error: unknown) => {
    await child.remove();
    throw error;
  });
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  return {
    url,
    get pid() {
      return child.pid();
    },
    dataDir,
    createDatabase: (name) => createDatabase(url, name),
    dropDatabase: (database) => dropDatabase(url, database),
    stop: (mode = 'fast') => child.end(STOP_SIGNALS[mode]),
    kill: () => killAll(child.pid()),
    start: () => launch(port),
    dump: async (database = url) => {
      const program = path.join(postgresFolder(version), 'pg_dump');
      const flags = ['--no-password', `--dbname=${database}`];
      return (await run(program, flags, { maxBuffer: DUMP_MAX_BYTES })).stdout;
    },
    close: () => child.remove(),
    [Symbol.asyncDispose]: () => child.remove(),
  };
};
