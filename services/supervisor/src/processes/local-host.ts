import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '@switchyard/runtime';
import { captureOutput, type Output } from './capture-output.ts';
import { inheritedEnvironment } from './config.ts';
import { isGroupThere, signalGroup } from './process-group.ts';
import { endLeftovers, openProcessRecords, type ProcessRecords } from './process-records.ts';
import { systemCode } from './system-code.ts';
import type { HostedProcess, ProcessExit, ProcessSpec, WorkerHost } from './worker-host.ts';

/** What is written just before the end may still be in the pipe; grandchildren may hold it open. */
const LAST_OUTPUT_MS = 200;
const LOOK_AGAIN_MS = 25;
/** No worker may have these, whatever its template says. */
const FORBIDDEN = /^(?:DATABASE_URL|BROKER_URL|SWITCHYARD_.*KEY)$/;

type Hosted = {
  readonly spec: ProcessSpec;
  readonly pid: number | undefined;
  /** How the first process of the group ended; rejects when it could not be started. */
  readonly ended: Promise<readonly [code: number | null, signal: string | null]>;
  /** Resolves when all that it wrote was read. */
  readonly closed: Promise<unknown>;
  readonly letGo: () => void;
  readonly output: Output;
  readonly startedMs: number;
  asked: boolean;
  /** When what is left of the group is killed. */
  killAtMs: number;
  killTimer: NodeJS.Timeout | undefined;
};

export type LocalHostOptions = {
  readonly log: Log;
  /** Absolute; holds the records of the processes. */
  readonly dataDir: string;
};

/** Worker processes as children of this one. What still runs when this one exits is killed. */
export const createLocalHost = ({ log, dataDir }: LocalHostOptions): WorkerHost => {
  const hosted = new Map<string, Hosted>();
  const ears: ((exit: ProcessExit) => void)[] = [];
  const records = openProcessRecords(dataDir);
  const killAll = (): void => {
    for (const { pid } of hosted.values()) if (pid !== undefined) signalGroup(pid, 'SIGKILL');
  };

  const report = (exit: ProcessExit): void => {
    records.remove(exit.workerId);
    hosted.delete(exit.workerId);
    if (hosted.size === 0) process.off('exit', killAll);
    for (const hear of ears) hear(exit);
  };

  const start = (spec: ProcessSpec): void => {
    if (hosted.size === 0) process.on('exit', killAll);
    const one = launch(spec, log);
    hosted.set(spec.workerId, one);
    if (one.pid !== undefined) note(records, { ...kept(spec), pid: one.pid }, log);
    void watch(one).then(report);
  };

  const end: WorkerHost['end'] = (workerId, { graceMs }) => {
    const one = hosted.get(workerId);
    if (one !== undefined) endGroup(one, graceMs);
  };

  return {
    endLeftovers: () => endLeftovers(dataDir),
    start,
    end,
    list: () => [...hosted.values()].map(({ spec, pid }) => ({ ...kept(spec), pid })),
    onExit: (hear) => {
      ears.push(hear);
    },
    stop: async (graceMs) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = () => {
        if (hosted.size === 0) resolve();
      };
      ears.push(look);
      for (const one of hosted.values()) endGroup(one, graceMs);
      look();
      await promise;
    },
  };
};

const kept = ({ workerId, endpointId, killAfterMs, keyId, shape }: ProcessSpec) => ({
  workerId,
  endpointId,
  killAfterMs,
  keyId,
  shape,
});

/** A worker without its record would be left behind by a kill -9: that is told, and no worse. */
const note = (
  records: ProcessRecords,
  process: HostedProcess & { readonly pid: number },
  log: Log,
): void => {
  try {
    records.write(process);
  } catch (error) {
    log.warn({ err: error, workerId: process.workerId }, 'a worker process cannot be recorded');
  }
};

const launch = (spec: ProcessSpec, log: Log): Hosted => {
  const { workerId, endpointId } = spec;
  const output = captureOutput((line) => log.info({ endpointId }, `${workerId} | ${line}`));
  const mutable = { asked: false, killAtMs: Number.POSITIVE_INFINITY, killTimer: undefined };
  const one = { spec, output, startedMs: performance.now(), ...mutable };
  try {
    const child = spawnWorker(spec, log);
    return { ...one, ...follow(child, output) };
  } catch (error) {
    // Some reasons are thrown and others emitted, as the kernel's answer happens to be.
    const ended = Promise.reject(error);
    return { ...one, pid: undefined, ended, closed: Promise.resolve(), letGo: () => undefined };
  }
};

const spawnWorker = (spec: ProcessSpec, log: Log): ChildProcess => {
  const [program = '', ...args] = spec.command;
  return spawn(program === 'node' ? process.execPath : program, args, {
    cwd: spec.cwd,
    env: environmentOf(spec, log),
    // A group of its own, so that all that it starts can be ended with it.
    detached: true,
    shell: false,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
};

const follow = (child: ChildProcess, output: Output) => {
  const streams = [child.stdout, child.stderr];
  for (const stream of streams) {
    const sink = output.open();
    stream?.on('data', sink.write);
    stream?.on('end', sink.end);
    stream?.on('error', () => undefined);
  }
  const ended = new Promise<readonly [number | null, string | null]>((resolve, reject) => {
    child.once('exit', (code, signal) => resolve([code, signal]));
    // Later errors, of a signal that could not be sent, find the promise settled or waiting on.
    child.on('error', (error) => {
      if (child.pid === undefined) reject(error);
    });
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  const letGo = (): void => {
    for (const stream of streams) stream?.destroy();
  };
  return { pid: child.pid, ended, closed, letGo };
};

const environmentOf = (spec: ProcessSpec, log: Log): Record<string, string> => {
  const given = Object.entries(spec.env).filter(([name]) => {
    if (!FORBIDDEN.test(name)) return true;
    log.warn({ endpointId: spec.endpointId }, `a worker is not given ${name}`);
    return false;
  });
  return {
    ...inheritedEnvironment(),
    ...Object.fromEntries(given),
    // Our own workers end by themselves when this process is gone.
    SWITCHYARD_PARENT_PID: String(process.pid),
  };
};

const endGroup = (one: Hosted, graceMs: number): void => {
  const killAtMs = performance.now() + graceMs;
  if (!one.asked && one.pid !== undefined) signalGroup(one.pid, 'SIGTERM');
  one.asked = true;
  if (killAtMs >= one.killAtMs) return;
  one.killAtMs = killAtMs;
  clearTimeout(one.killTimer);
  one.killTimer = setTimeout(() => {
    if (one.pid !== undefined) signalGroup(one.pid, 'SIGKILL');
  }, graceMs);
};

/** Resolves when a process and its whole group are gone. */
const watch = async (one: Hosted): Promise<ProcessExit> => {
  const { spec, output, startedMs } = one;
  const { workerId, endpointId, keyId } = spec;
  try {
    const [code, signal] = await one.ended;
    const ranMs = Math.round(performance.now() - startedMs);
    if (one.pid !== undefined) await endRest(one, one.pid);
    await Promise.race([one.closed, pause(LAST_OUTPUT_MS, undefined, { ref: false })]);
    one.letGo();
    const lastLines = output.lastLines();
    return { workerId, endpointId, keyId, code, signal, lastLines, asked: one.asked, ranMs };
  } catch (error) {
    const lastLines = [whyNotStarted(spec, error)];
    const { asked } = one;
    return { workerId, endpointId, keyId, code: null, signal: null, lastLines, asked, ranMs: 0 };
  } finally {
    clearTimeout(one.killTimer);
  }
};

/**
 * What a worker has started ends with it. When it was asked to end, its children have the rest of
 * the grace to finish: the worker may have been a shell around the one that works.
 */
const endRest = async (one: Hosted, pgid: number): Promise<void> => {
  while (one.asked && performance.now() < one.killAtMs && isGroupThere(pgid)) {
    await pause(LOOK_AGAIN_MS);
  }
  signalGroup(pgid, 'SIGKILL');
};

const whyNotStarted = (spec: ProcessSpec, error: unknown): string => {
  const program = JSON.stringify(spec.command[0] ?? '');
  const code = systemCode(error);
  if (code === 'ENOENT' && !isFolder(spec.cwd)) {
    return `The worker cannot be started: there is no folder ${JSON.stringify(spec.cwd)}.`;
  }
  const why = code === undefined ? undefined : WHY[code];
  return `The worker cannot be started: ${program} ${why ?? `gave ${code ?? String(error)}`}.`;
};

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  EACCES: 'may not be run by this user',
  ENOTDIR: 'is not there',
  ENOEXEC: 'is not a program',
  ENOMEM: 'found no memory left',
  EAGAIN: 'was refused: too many processes run',
  EMFILE: 'was refused: too many files are open',
};

const isFolder = (folder: string): boolean =>
  statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
