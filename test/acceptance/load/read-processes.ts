/** What Linux tells of processes in /proc. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;
const MIB_BYTES = 1_048_576;

type ProcessStat = {
  readonly pid: number;
  readonly parentPid: number;
  readonly state: string;
  readonly cpuSeconds: number;
  readonly rssMib: number;
};

/** The process as it stands; undefined when it has gone. */
const readStat = (pid: number): ProcessStat | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; the fields behind it are plain.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const number = (index: number): number => Number(fields[index]);
    return {
      pid,
      parentPid: number(1),
      state: fields[0] ?? '',
      cpuSeconds: (number(11) + number(12)) / TICKS_PER_SECOND,
      rssMib: (number(21) * PAGE_BYTES) / MIB_BYTES,
    };
  } catch {
    return undefined;
  }
};

const allStats = (): ProcessStat[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)) ?? [])
    .filter(({ state }) => state !== 'Z');

/** `root` and every process below it. */
export const treeOf = (root: number): ProcessStat[] => {
  const all = allStats();
  const tree = all.filter(({ pid }) => pid === root);
  for (const parent of tree) tree.push(...all.filter(({ parentPid }) => parentPid === parent.pid));
  return tree;
};

/** CPU seconds and resident MiB of a process with all below it. */
export const usageOf = (root: number | undefined): { cpuSeconds: number; rssMib: number } => {
  const tree = root === undefined ? [] : treeOf(root);
  return {
    cpuSeconds: tree.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    rssMib: tree.reduce((sum, { rssMib }) => sum + rssMib, 0),
  };
};

export type NamedProcess = ProcessStat & { readonly command: string };

const readText = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

const readLink = (file: string): string => {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
};

/** Every process whose command line, environment or working directory names `folder`. */
export const processesNaming = (folder: string): NamedProcess[] =>
  allStats().flatMap((stat) => {
    const command = readText(`/proc/${stat.pid}/cmdline`).replaceAll('\0', ' ').trim();
    const environment = readText(`/proc/${stat.pid}/environ`);
    const directory = readLink(`/proc/${stat.pid}/cwd`);
    const names = [command, environment, directory].some((text) => text.includes(folder));
    return names ? [{ ...stat, command }] : [];
  });
