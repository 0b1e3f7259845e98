import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { run } from './account.ts';
import { systemCode } from './failure.ts';

const LOOK_AGAIN_MS = 20;

/** Waits until `done` holds, for at most `timeoutMs`; tells whether it does. */
export const waitUntil = async (
  done: () => Promise<boolean>,
  timeoutMs: number,
): Promise<boolean> => {
  const end = performance.now() + timeoutMs;
  while (!(await done())) {
    if (performance.now() >= end) return false;
    await pause(LOOK_AGAIN_MS);
  }
  return true;
};

/** Off Linux: the postmaster's command line names its cluster; its children show other titles. */
const commandNames = async (pid: number, data: string): Promise<boolean> => {
  const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.includes(data);
};

/**
 * Whether `pid` is a live Postgres process of the cluster `data`. Every one works in its cluster's
 * directory, so the kernel tells it from a later process with the same pid. (A start time would do
 * too, but is known only to the second, and moves when the machine's clock is set.)
 */
export const isServerOf = async (pid: number, data: string): Promise<boolean> => {
  if (process.platform !== 'linux') return commandNames(pid, data);
  const proc = `/proc/${pid}`;
  try {
    if ((await readFile(`${proc}/comm`, 'utf8')).trim() !== 'postgres') return false;
    // A zombie has no directory any more: the link is there and leads nowhere.
    const [cluster, works] = await Promise.all([stat(data), stat(`${proc}/cwd`)]);
    return works.dev === cluster.dev && works.ino === cluster.ino;
  } catch (error) {
    // A container's root may not look into another user's process. Its arguments it may read.
    if (systemCode(error) !== 'EACCES') return false;
    const args = (await readFile(`${proc}/cmdline`, 'utf8').catch(() => '')).split('\0');
    const named = args[args.indexOf('-D') + 1] ?? '';
    const [works, cluster] = await Promise.all([named, data].map((file) => realpath(file))).catch(
      () => [],
    );
    return works !== undefined && works === cluster;
  }
};

/** Every live Postgres process of the cluster `data` that this process can see; Linux only. */
export const serversOf = async (data: string): Promise<number[]> => {
  if (process.platform !== 'linux') return [];
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const ours = await Promise.all(pids.map((pid) => isServerOf(pid, data)));
  return pids.filter((_, index) => ours[index]);
};

/** Sends `signal` unless the process is gone already. */
export const signalTo = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
};
