/** What outlives a host that was killed: a file for each process group, in `{dataDir}/workers`. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseEndpointId, parseWorkerId, validator } from '@switchyard/contracts';
import { isSameProcess, startTimeOf } from './identify-process.ts';
import { isGroupThere, signalGroup } from './process-group.ts';
import type { HostedProcess } from './worker-host.ts';

const LOOK_AGAIN_MS = 10;
/** The kernel ends a group that was killed within milliseconds, unless a disk holds it up. */
const GONE_WITHIN_MS = 2_000;

const text = { type: 'string' } as const;
const pid = { type: 'integer', minimum: 2 } as const;
const checkRecord = validator({
  type: 'object',
  required: ['pid', 'startTime', 'workerId', 'endpointId', 'killAfterMs', 'keyId', 'shape', 'host'],
  properties: {
    pid,
    startTime: text,
    workerId: text,
    endpointId: text,
    killAfterMs: { type: 'integer' },
    keyId: text,
    shape: text,
    host: { type: 'object', required: ['pid', 'startTime'], properties: { pid, startTime: text } },
  },
} as const);

export type ProcessRecords = {
  /** Notes a process that was just started. @throws Error when the directory cannot be written. */
  write(hosted: HostedProcess & { readonly pid: number }): void;
  remove(workerId: string): void;
};

const folderOf = (dataDir: string): string => path.join(dataDir, 'workers');
const fileOf = (folder: string, workerId: string): string => path.join(folder, `${workerId}.json`);

/** The files of the processes that this process starts. */
export const openProcessRecords = (dataDir: string): ProcessRecords => {
  const folder = folderOf(dataDir);
  const host = { pid: process.pid, startTime: startTimeOf(process.pid) ?? '' };
  return {
    write: (hosted) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const record = { ...hosted, startTime: startTimeOf(hosted.pid) ?? '', host };
      writeFileSync(fileOf(folder, hosted.workerId), JSON.stringify(record), { mode: 0o600 });
    },
    remove: (workerId) => rmSync(fileOf(folder, workerId), { force: true }),
  };
};

/**
 * Kills the process groups that an earlier host on `dataDir` left running, and removes their files.
 * A group is touched only when the process that led it still runs with the start time noted: one
 * that has the pid by now is a stranger. Those of a host that lives are left alone.
 * @returns every worker that was noted: none of them runs any more.
 */
export const endLeftovers = async (dataDir: string): Promise<HostedProcess[]> => {
  const folder = folderOf(dataDir);
  const ended: HostedProcess[] = [];
  for (const name of listRecords(folder)) {
    const file = path.join(folder, name);
    const record = readRecord(file);
    if (record !== undefined) {
      if (isSameProcess(record.host.pid, record.host.startTime)) continue;
      if (isSameProcess(record.pid, record.startTime)) await killGroup(record.pid);
      const { pid, killAfterMs, keyId, shape } = record;
      const workerId = parseWorkerId(record.workerId);
      const endpointId = parseEndpointId(record.endpointId);
      if (workerId !== undefined && endpointId !== undefined) {
        ended.push({ workerId, endpointId, killAfterMs, keyId, shape, pid });
      }
    }
    rmSync(file, { force: true });
  }
  return ended;
};

const listRecords = (folder: string): string[] => {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
};

/** A file that was cut short by a crash tells nothing, and its process cannot be told either. */
const readRecord = (file: string) => {
  try {
    const checked = checkRecord(JSON.parse(readFileSync(file, 'utf8')));
    return checked.ok ? checked.value : undefined;
  } catch {
    return undefined;
  }
};

const killGroup = async (pgid: number): Promise<void> => {
  signalGroup(pgid, 'SIGKILL');
  const untilMs = performance.now() + GONE_WITHIN_MS;
  while (isGroupThere(pgid) && performance.now() < untilMs) await pause(LOOK_AGAIN_MS);
};
