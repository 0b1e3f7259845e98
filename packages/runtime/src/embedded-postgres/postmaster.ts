import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { commandAs, giveTo } from './account.ts';
import { EmbeddedPostgresError, whyEnded } from './failure.ts';
import type { Place } from './place.ts';
import { isServerOf, serversOf, signalTo, waitUntil } from './server-process.ts';
import { settingsText } from './settings.ts';

/** A live postmaster, as its pid file describes it. */
export type Postmaster = {
  readonly pid: number;
  readonly port: number;
  readonly status: string;
};

/** Crash recovery replays up to `max_wal_size` of log before the server is ready. */
const READY_MS = 300_000;
const FAST_STOP_MS = 30_000;
const IMMEDIATE_STOP_MS = 10_000;
const LEFTOVERS_END_MS = 2_000;

const pidFileOf = (data: string): string => path.join(data, 'postmaster.pid');

/** The pid file's lines: pid, directory, start, port, socket directory, address, memory, status. */
const readPidFile = async (data: string): Promise<Postmaster | undefined> => {
  const text = await readFile(pidFileOf(data), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const lines = text.split('\n').map((line) => line.trim());
  return { pid: Number(lines[0]), port: Number(lines[3] ?? 0), status: lines[7] || 'starting' };
};

/** The postmaster that runs on `data` now; undefined when there is none, stale file or not. */
export const findPostmaster = async (data: string): Promise<Postmaster | undefined> => {
  const found = await readPidFile(data);
  if (found === undefined || !(found.pid > 0)) return undefined;
  return (await isServerOf(found.pid, data)) ? found : undefined;
};

/** Whether a Postgres answers on `port`: it replies to an SSL request before any password. */
const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port, timeout: 2_000 });
    const settle = (answer: boolean) => {
      resolve(answer);
      socket.destroy();
    };
    socket.once('connect', () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])));
    socket.once('data', (reply) => settle(['N', 'S'].includes(reply.toString('latin1', 0, 1))));
    socket.once('timeout', () => settle(false));
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
  });

/**
 * Waits until the postmaster `pid` takes connections. Recovery after a crash may take minutes; a
 * postmaster that ends or begins to stop is not waited for.
 * @returns undefined when it will not become ready.
 */
export const waitReady = async (data: string, pid: number): Promise<Postmaster | undefined> => {
  let ready: Postmaster | undefined;
  const settled = await waitUntil(async () => {
    const found = await readPidFile(data);
    if (found?.pid === pid && found.status === 'ready' && (await answers(found.port))) {
      ready = found;
      return true;
    }
    const stopping = found?.pid === pid && found.status === 'stopping';
    return stopping || !(await isServerOf(pid, data));
  }, READY_MS);
  return settled ? ready : undefined;
};

/** A free port of the loopback interface, as of now: another program may take it meanwhile. */
export const freePort = async (): Promise<number> => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
};

/**
 * Starts a postmaster on the cluster of `place`. It leads a session of its own, so a Ctrl-C that
 * is meant for Switchyard does not stop it under running work; it outlives this process.
 * @throws EmbeddedPostgresError when it ends before it is ready.
 */
export const launchPostmaster = async (place: Place, port: number): Promise<Postmaster> => {
  const data = path.join(place.home, 'data');
  const settings = path.join(data, 'switchyard.conf');
  await writeFile(settings, settingsText(), { mode: 0o600 });
  await giveTo(place.account, settings);

  const output = await open(path.join(place.home, 'startup.log'), 'w', 0o600);
  const args = ['-D', data, '-c', `port=${port}`];
  const { file, args: all, options } = commandAs(place.account, place.binaries.postgres, args);
  const stdio = ['ignore', output.fd, output.fd] as const;
  const child = spawn(file, all, { ...options, stdio: [...stdio], detached: true });
  const ended = new AbortController();
  child.once('exit', () => ended.abort());
  try {
    await once(child, 'spawn');
  } catch (cause) {
    throw new EmbeddedPostgresError(`Postgres could not be started: ${String(cause)}.`, { cause });
  } finally {
    await output.close();
  }
  child.unref();

  const pid = child.pid ?? 0;
  // unshare becomes postgres, and postgres enters its directory, within a few milliseconds.
  await waitUntil(async () => ended.signal.aborted || (await isServerOf(pid, data)), READY_MS);
  const ready = await waitReady(data, pid);
  if (ready !== undefined) return ready;
  if (!ended.signal.aborted) await endPostmaster(data, pid);
  throw new EmbeddedPostgresError(
    `Postgres did not start in ${place.home}: ${await whyEnded(place.home, pid)}.`,
  );
};

/**
 * Ends the postmaster `pid`, if it still runs: sessions are ended and the state written (fast), and
 * where that takes over 30 s, at once, to be recovered by the next start.
 * @throws EmbeddedPostgresError when it outlives both.
 */
export const endPostmaster = async (data: string, pid: number): Promise<void> => {
  const gone = async () => !(await isServerOf(pid, data));
  if (await gone()) return;
  signalTo(pid, 'SIGINT');
  if (await waitUntil(gone, FAST_STOP_MS)) return;
  signalTo(pid, 'SIGQUIT');
  if (await waitUntil(gone, IMMEDIATE_STOP_MS)) return;
  throw new EmbeddedPostgresError(`Postgres (process ${pid}) does not end: kill it by hand.`);
};

/**
 * Waits for the children of a postmaster that was killed, and ends those that stay: while one of
 * them works on the cluster's files, no new postmaster may. Then removes the pid file left behind,
 * since Postgres would believe it when its pid is in use by another program.
 * @returns false when a postmaster has come up meanwhile.
 */
export const clearLeftovers = async (data: string): Promise<boolean> => {
  const settled = async () =>
    (await serversOf(data)).length === 0 || (await findPostmaster(data)) !== undefined;
  if (!(await waitUntil(settled, LEFTOVERS_END_MS))) {
    for (const pid of await serversOf(data)) signalTo(pid, 'SIGKILL');
    await waitUntil(settled, LEFTOVERS_END_MS);
  }
  if ((await findPostmaster(data)) !== undefined) return false;
  await rm(pidFileOf(data), { force: true });
  return true;
};
