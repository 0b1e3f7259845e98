import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { processesNaming } from '../load/read-processes.ts';
import type { Person } from './people.ts';

const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'safe.directory=*', ...args], { encoding: 'utf8' });

/** Clones what is committed in `repository` to `folder`, which then belongs to the person. */
export const cloneTo = (repository: string, folder: string, { ids }: Person): void => {
  git('clone', '--quiet', repository, folder);
  if (ids !== undefined) execFileSync('chown', ['-R', `${ids.uid}:${ids.gid}`, folder]);
};

/** What git sees changed or new in a clone, one line each. */
export const changedIn = (folder: string): string[] =>
  git('-C', folder, 'status', '--porcelain')
    .split('\n')
    .filter((line) => line !== '');

/** Where the database is: a start as root may have had to put it outside of the clone. */
const databaseOf = (folder: string): string | undefined => {
  try {
    return realpathSync(path.join(folder, '.switchyard/postgres'));
  } catch {
    return undefined;
  }
};

type Left = {
  readonly all: ReturnType<typeof processesNaming>;
  readonly postgres: number;
  readonly workers: number;
};

/** The processes that run for a clone: those that name it, and those of its database. */
export const runningIn = (folder: string): Left => {
  const folders = new Set([folder, databaseOf(folder) ?? folder]);
  const found = [...folders].flatMap((one) => processesNaming(one));
  const all = [...new Map(found.map((one) => [one.pid, one])).values()];
  const count = (pattern: RegExp) => all.filter(({ command }) => pattern.test(command)).length;
  return {
    all,
    postgres: count(/^(?:\S*\/)?postgres\b|bin\/postgres /),
    workers: count(/\bworker\.ts\b/),
  };
};

/** Ends what a failed run has left for a clone, each by its own pid, and removes its database. */
export const clearClone = async (folder: string): Promise<void> => {
  for (const { pid } of runningIn(folder).all) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended together with another.
    }
  }
  const database = databaseOf(folder);
  if (database !== undefined) await rm(database, { recursive: true, force: true });
};
