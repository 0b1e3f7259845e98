/**
 * Installs and starts clean clones: as root and not, by npm 10 and 11, with a space in the path.
 *
 * Each is started twice. It is ready in time, the curl line that it prints works as pasted, and
 * Ctrl-C leaves nothing behind. Ports in use and bad values give one line each and exit code 2.
 * Needs root, for a user that it makes and removes, and the npm registry. The first argument names
 * a repository to clone, the second a part of a cell's name: unset, this one and every cell.
 */
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { REPOSITORY } from '../support/start-switchyard.ts';
import { clearClone, cloneTo } from './start-anywhere/clone.ts';
import { judgeInstall, judgeStarts } from './start-anywhere/judge-cell.ts';
import { judgeRefusals } from './start-anywhere/judge-refusals.ts';
import { makeFolder, openPeople, type People } from './start-anywhere/people.ts';
import { openShell, type Variables } from './start-anywhere/shell.ts';
import { startChecks } from './support/checks.ts';

type Cell = {
  readonly who: 'root' | 'user';
  readonly npm: 10 | 11;
  readonly folder: string;
  readonly env?: Variables;
  readonly withRefusals?: boolean;
};

const CELLS: readonly Cell[] = [
  { who: 'root', npm: 11, folder: 'with a space', withRefusals: true },
  { who: 'user', npm: 10, folder: 'with a space' },
  { who: 'root', npm: 10, folder: 'production', env: { NODE_ENV: 'production' } },
  { who: 'user', npm: 11, folder: 'plain' },
];

const repository = process.argv[2] ?? REPOSITORY;
const asked = process.argv[3] ?? '';
const checks = startChecks();
const top = await mkdtemp(path.join(os.tmpdir(), 'switchyard-start-'));
// Open to the ordinary user; the homes below are closed each for itself.
await chmod(top, 0o755);

const npmFolder = (major: number): string => path.join(top, `npm-${major}`);

const installNpm = (major: number): void => {
  const to = npmFolder(major);
  const args = ['install', '--no-audit', '--no-fund', '--prefix', to, `npm@${major}`];
  execFileSync('npm', args, { cwd: top, stdio: ['ignore', 'ignore', 'inherit'] });
};

const judge = async (cell: Cell, name: string, people: People) => {
  const person = people[cell.who];
  const below = path.join(person.home, cell.folder);
  const folder = path.join(below, 'switchyard');
  makeFolder(person, below);
  cloneTo(repository, folder, person);
  try {
    const shell = openShell(person, npmFolder(cell.npm), folder, cell.env ?? {});
    if (!(await judgeInstall(checks, name, shell))) return;
    await judgeStarts(checks, name, shell);
    if (cell.withRefusals === true) await judgeRefusals(checks, name, shell);
  } finally {
    await clearClone(folder);
    await rm(below, { recursive: true, force: true });
  }
};

try {
  using people = openPeople(top);
  for (const major of [10, 11]) installNpm(major);
  for (const cell of CELLS) {
    const name = `${cell.who}, npm ${cell.npm}, ${cell.folder}`;
    if (name.includes(asked)) await judge(cell, name, people);
  }
} finally {
  await rm(top, { recursive: true, force: true });
}
checks.end();
