/** A pid alone names whoever has it now; with its start time it names one process for good. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * When the process `pid` started, as a text to be compared: the boot and the clock ticks since it
 * (field 22 of /proc/PID/stat) on Linux, what `ps` says elsewhere.
 * @returns undefined when there is no such process, or only its zombie.
 */
export const startTimeOf = (pid: number): string | undefined => {
  try {
    return process.platform === 'linux' ? ticksOf(pid) : lstartOf(pid);
  } catch {
    return undefined;
  }
};

/** Whether the process that had `pid` and `startTime` still runs. */
export const isSameProcess = (pid: number, startTime: string): boolean =>
  startTimeOf(pid) === startTime;

/** Whether some process of the group runs, as far as /proc tells; Linux only. */
export const hasRunningMember = (pgid: number): boolean =>
  readdirSync('/proc').some((name) => {
    const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined;
    return stat !== undefined && stat.group === pgid && stat.isRunning;
  });

type Stat = { readonly isRunning: boolean; readonly group: number; readonly ticks: string };

const readStat = (pid: number): Stat | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; behind it stand the fields from the third on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const isRunning = fields[0] !== 'Z' && fields[0] !== 'X';
    return { isRunning, group: Number(fields[2]), ticks: fields[19] ?? '' };
  } catch {
    return undefined;
  }
};

const ticksOf = (pid: number): string | undefined => {
  const stat = readStat(pid);
  if (stat === undefined || !stat.isRunning) return undefined;
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${stat.ticks}`;
};

const lstartOf = (pid: number): string | undefined => {
  const args = ['-o', 'lstart=', '-p', String(pid)];
  const told = execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return told.trim() || undefined;
};
