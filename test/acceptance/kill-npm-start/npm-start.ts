import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { processesNaming, treeOf } from '../load/read-processes.ts';

/** Where a copy of the repository stands and works; `root` names it and its data directory. */
export type Home = {
  readonly root: string;
  readonly tree: string;
  readonly dataDir: string;
  readonly apiUrl: string;
  readonly ports: Readonly<Record<'PORT' | 'WORKER_PORT', string>>;
  readonly apiKey: string;
};

/** One `npm start`. */
export type NpmStart = {
  readonly npmPid: number;
  readonly output: () => string;
  /** Resolves to the exit code of npm; null after a signal. */
  readonly exited: Promise<number | null>;
  /** Resolves to true once it says that it is ready; false when it ended before. */
  readonly ready: () => Promise<boolean>;
  /** The process of Switchyard itself, below npm. @throws Error when there is none. */
  readonly nodePid: () => number;
};

const READY_MAX_MS = 90_000;
const LOOK_AGAIN_MS = 20;

/** Runs `npm start` in the copy, with nothing set but where it works. */
export const npmStart = (home: Home): NpmStart => {
  const child = spawn('npm', ['start'], {
    cwd: home.tree,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: pathWithoutNpm(),
      HOME: process.env.HOME ?? home.root,
      ...home.ports,
      LOG_PRETTY: 'false',
      SWITCHYARD_DATA_DIR: home.dataDir,
      SWITCHYARD_API_KEY: home.apiKey,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = exitOf(child);
  let isOver = false;
  void exited.then(() => {
    isOver = true;
  });
  const npmPid = child.pid ?? 0;
  return {
    npmPid,
    output: () => output,
    exited,
    ready: async () => {
      const untilMs = performance.now() + READY_MAX_MS;
      while (!output.includes('Switchyard is ready')) {
        if (isOver) return false;
        if (performance.now() > untilMs) throw new Error(`npm start is not ready:\n${output}`);
        await pause(LOOK_AGAIN_MS);
      }
      return true;
    },
    nodePid: () => {
      const below = new Set(treeOf(npmPid).map(({ pid }) => pid));
      const found = switchyardsOf(home).find(({ pid }) => below.has(pid));
      if (found === undefined) throw new Error(`no Switchyard below npm ${npmPid}:\n${output}`);
      return found.pid;
    },
  };
};

/** Runs within npm put its own folders in front, which a person's shell has not. */
const pathWithoutNpm = (): string =>
  (process.env.PATH ?? '')
    .split(':')
    .filter((folder) => !folder.includes('node_modules') && !folder.includes('node-gyp-bin'))
    .join(':');

const exitOf = async (child: ChildProcess): Promise<number | null> => {
  await once(child, 'close');
  return child.exitCode;
};

/** What runs for the directory: to be at most one Switchyard, one postmaster, and its workers. */
export type Census = {
  readonly switchyards: readonly number[];
  readonly postmasters: readonly number[];
  readonly workers: readonly { readonly pid: number; readonly parentPid: number }[];
};

const isPostgres = (command: string): boolean => /^(?:\S*\/)?postgres\b/.test(command);

const switchyardsOf = ({ root }: Home) =>
  processesNaming(root).filter(({ command }) => /^\S*node\S* \S*switchyard\S* up\b/.test(command));

/** Counts by /proc: a postmaster is a process of Postgres whose parent is none. */
export const takeCensus = (home: Home): Census => {
  const all = processesNaming(home.root);
  const servers = all.filter(({ command }) => isPostgres(command));
  const serverPids = new Set(servers.map(({ pid }) => pid));
  return {
    switchyards: switchyardsOf(home).map(({ pid }) => pid),
    postmasters: servers
      .filter(({ parentPid }) => !serverPids.has(parentPid))
      .map(({ pid }) => pid),
    workers: all.filter(({ command }) => /\bworker\.ts\b/.test(command)),
  };
};

/** Workers that no running Switchyard of the directory has started. */
export const straysIn = ({ switchyards, workers }: Census): number =>
  workers.filter(({ parentPid }) => !switchyards.includes(parentPid)).length;

/** Ends whatever still runs for the directory, each by its own pid. */
export const endAll = async (home: Home): Promise<void> => {
  for (const signal of ['SIGTERM', 'SIGQUIT', 'SIGKILL'] as const) {
    const { switchyards, postmasters } = takeCensus(home);
    const left = processesNaming(home.root).filter(({ pid }) => pid !== process.pid);
    if (left.length === 0) return;
    const first = signal === 'SIGTERM' ? switchyards : postmasters;
    const pids = signal === 'SIGKILL' ? left.map(({ pid }) => pid) : first;
    for (const pid of pids) sendQuietly(pid, signal);
    await untilGone(home, signal === 'SIGTERM' ? 40_000 : 10_000, pids);
  }
};

const sendQuietly = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // It has gone by itself.
  }
};

const untilGone = async (home: Home, timeoutMs: number, pids: readonly number[]) => {
  const untilMs = performance.now() + timeoutMs;
  const isLeft = () => processesNaming(home.root).some(({ pid }) => pids.includes(pid));
  while (isLeft() && performance.now() < untilMs) await pause(LOOK_AGAIN_MS);
};
