/**
 * The Postgres that Switchyard brings along, for whoever has set no DATABASE_URL: one server for
 * each data directory, with full durability. It is a process of its own and outlives a kill -9 of
 * Switchyard; the next start on the directory takes it over.
 */
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createCluster, hasCluster, urlOf } from './embedded-postgres/cluster.ts';
import {
  type DirectoryHold,
  DirectoryInUse,
  holdDataDirectory,
} from './embedded-postgres/data-directory.ts';
import { cannotUse, EmbeddedPostgresError, systemCode } from './embedded-postgres/failure.ts';
import { choosePlace, homeOf, SURROUNDINGS, type Surroundings } from './embedded-postgres/place.ts';
import {
  clearLeftovers,
  endPostmaster,
  findPostmaster,
  freePort,
  launchPostmaster,
  type Postmaster,
  waitReady,
} from './embedded-postgres/postmaster.ts';
import { isServerOf } from './embedded-postgres/server-process.ts';

export { type DirectoryHold, DirectoryInUse, EmbeddedPostgresError, holdDataDirectory };

export type EmbeddedPostgres = {
  /** With the password: not for a log. It stays the same when the server is started again. */
  readonly url: string;
  /** The postmaster's, now. */
  readonly pid: number;
  /** Whether a server that an earlier, killed Switchyard had left was taken over. */
  readonly adopted: boolean;
  /** The hold on the data directory, to publish the address of Switchyard itself. */
  readonly hold: DirectoryHold;
  /** Stops the server within 40 s and lets the directory go. Idempotent. */
  stop(): Promise<void>;
};

/** What this part needs of a pino logger. */
export type PostgresLog = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

export type EmbeddedPostgresOptions = {
  readonly dataDir: string;
  readonly log: PostgresLog;
  /** A hold that the caller has already, and will release; without it one is taken until `stop`. */
  readonly hold?: DirectoryHold;
  /** For tests of how root's servers run. */
  readonly surroundings?: Partial<Surroundings>;
};

/** Another program took the port between the look and the start, or a killed server still ends. */
const PASSING = /could not create any TCP\/IP sockets|shared memory block|lock file .* exists/;
const TRIES_MAX = 50;
const TRY_AGAIN_MS = 200;
const WATCH_MS = 500;

type Running = { readonly postmaster: Postmaster; readonly adopted: boolean };

/**
 * Where clients connect to the server that runs on `dataDir` now; undefined where none does. With
 * the password: not for a log. Starts nothing.
 */
export const findEmbeddedPostgres = async (dataDir: string): Promise<string | undefined> => {
  const home = homeOf(path.resolve(dataDir));
  const found = await findPostmaster(path.join(home, 'data'));
  if (found?.status !== 'ready') return undefined;
  return urlOf(home, found.port).catch(() => undefined);
};

/** The server that an earlier Switchyard left on `data`, once it is ready, not one that stops. */
const adopt = async (data: string): Promise<Running | undefined> => {
  const found = await findPostmaster(data);
  if (found === undefined) return undefined;
  const postmaster = await waitReady(data, found.pid);
  if (postmaster !== undefined) return { postmaster, adopted: true };
  await endPostmaster(data, found.pid);
  return undefined;
};

/** Adopts, recovers or makes the one server of `dataDir`, on `wantedPort` or any free one. */
const startServer = async (
  dataDir: string,
  surroundings: Surroundings,
  wantedPort?: number,
): Promise<Running> => {
  const data = path.join(homeOf(dataDir), 'data');
  for (let tries = 1; ; tries += 1) {
    const left = await adopt(data);
    if (left !== undefined) return left;
    if (!(await clearLeftovers(data))) continue;
    const place = await choosePlace(dataDir, surroundings);
    if (!(await hasCluster(place.home, place.binaries))) await createCluster(place);
    try {
      const port = wantedPort ?? (await freePort());
      return { postmaster: await launchPostmaster(place, port), adopted: false };
    } catch (error) {
      const passing = error instanceof EmbeddedPostgresError && PASSING.test(error.message);
      if (!passing || tries >= TRIES_MAX) throw error;
      await pause(TRY_AGAIN_MS);
    }
  }
};

/** Starts the server again whenever it ends by itself, so that `url` goes on working. */
const keepRunning = (
  options: Pick<EmbeddedPostgresOptions, 'dataDir' | 'log'>,
  surroundings: Surroundings,
  first: Postmaster,
) => {
  const { dataDir, log } = options;
  const data = path.join(homeOf(dataDir), 'data');
  const stopping = new AbortController();
  let current = first;

  const look = async (): Promise<void> => {
    if (await isServerOf(current.pid, data)) return;
    log.error({ pid: current.pid }, 'Postgres ended by itself; it is started again');
    try {
      current = (await startServer(dataDir, surroundings, first.port)).postmaster;
      log.info({ pid: current.pid }, 'Postgres runs again');
    } catch (error) {
      log.error({ err: error }, 'Postgres could not be started again; the next try follows');
    }
  };
  const watch = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      // Not a reason to keep the process alive: the services that use the server are.
      const waited = pause(WATCH_MS, true, { signal: stopping.signal, ref: false });
      if (await waited.catch(() => false)) await look();
    }
  };
  const watching = watch();
  return {
    pid: () => current.pid,
    stop: async (): Promise<void> => {
      stopping.abort();
      await watching;
      await endPostmaster(data, current.pid);
    },
  };
};

/**
 * Starts the embedded Postgres of `dataDir` (made when missing), or takes over the one that a
 * killed Switchyard left there. Resolves once it takes connections. As root the server runs in a
 * user namespace, or as the system user `switchyard` where the machine refuses namespaces.
 * @throws DirectoryInUse when another Switchyard works in the directory.
 * @throws EmbeddedPostgresError, one sentence for the person who starts it, for anything else.
 */
export const startEmbeddedPostgres = async (
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> => {
  const dataDir = path.resolve(options.dataDir);
  const { log } = options;
  const surroundings = { ...SURROUNDINGS, ...options.surroundings };
  const hold = options.hold ?? (await holdDataDirectory(dataDir));
  if (hold instanceof DirectoryInUse) throw hold;
  const letGo = () => {
    if (options.hold === undefined) hold.release();
  };

  try {
    const { postmaster, adopted } = await startServer(dataDir, surroundings);
    const url = await urlOf(homeOf(dataDir), postmaster.port);
    log.info({ dataDir, pid: postmaster.pid, adopted }, 'Postgres is ready');
    const server = keepRunning({ dataDir, log }, surroundings, postmaster);
    let stopped: Promise<void> | undefined;
    return {
      url,
      get pid() {
        return server.pid();
      },
      adopted,
      hold,
      stop: () => {
        stopped ??= server.stop().finally(letGo);
        return stopped;
      },
    };
  } catch (error) {
    letGo();
    throw systemCode(error) === undefined ? error : cannotUse(dataDir, error);
  }
};
