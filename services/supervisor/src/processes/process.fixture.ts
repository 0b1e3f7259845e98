/** What the tests of worker processes share: specs, exits that are awaited, a collected log. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { parseEndpointId, parseWorkerId } from '@switchyard/contracts';
import { createLog, type Log } from '@switchyard/runtime';
import type { ProcessExit, ProcessSpec, WorkerHost } from './worker-host.ts';

const WAIT_MS = 15_000;
const LOOK_AGAIN_MS = 10;

export const specFor = (command: readonly string[], more: Partial<ProcessSpec> = {}) => {
  const workerId = parseWorkerId(`echo-${randomBytes(4).toString('hex')}`);
  const endpointId = parseEndpointId('echo');
  if (workerId === undefined || endpointId === undefined) throw new Error('these are ids');
  const kept = { workerId, endpointId, killAfterMs: 500, keyId: 'k', shape: 's' };
  return { ...kept, command, cwd: os.tmpdir(), env: {}, ...more } satisfies ProcessSpec;
};

/** The exit of each worker, heard or yet to be heard. */
export const collectExits = (host: WorkerHost): ((workerId: string) => Promise<ProcessExit>) => {
  const exits = new Map<string, PromiseWithResolvers<ProcessExit>>();
  const of = (workerId: string) => {
    const one = exits.get(workerId) ?? Promise.withResolvers<ProcessExit>();
    exits.set(workerId, one);
    return one;
  };
  host.onExit((exit) => of(exit.workerId).resolve(exit));
  return (workerId) => of(workerId).promise;
};

export const collectLog = (): { log: Log; lines: string[] } => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLog({
    level: 'info',
    pretty: false,
    service: 'test',
    instance: 'test',
    destination,
  });
  return { log, lines };
};

/** Waits for what no event tells of, such as the end of a process that is nobody's child. */
export const eventually = async (what: string, holds: () => boolean): Promise<void> => {
  const untilMs = performance.now() + WAIT_MS;
  while (!holds()) {
    if (performance.now() > untilMs) throw new Error(`not within ${WAIT_MS} ms: ${what}`);
    await pause(LOOK_AGAIN_MS);
  }
};

/** Whether a process runs; a zombie does not. */
export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
