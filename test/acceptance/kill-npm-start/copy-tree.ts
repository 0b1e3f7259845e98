import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { listFiles } from '../../check/list-files.ts';
import { REPOSITORY } from '../../support/start-switchyard.ts';

/** Relative links that lead to packages of the repository: copied, they lead to the copy's own. */
const OF_THE_TREE = new Set(['@switchyard', '.bin']);

/** Copies the working tree to `to`, installed as by npm: the packages of others are linked. */
export const copyTree = (to: string): void => {
  for (const file of listFiles(REPOSITORY)) {
    cpSync(path.join(REPOSITORY, file), path.join(to, file));
  }
  const installed = path.join(REPOSITORY, 'node_modules');
  mkdirSync(path.join(to, 'node_modules'));
  for (const name of readdirSync(installed)) {
    const copied = path.join(to, 'node_modules', name);
    if (OF_THE_TREE.has(name)) {
      cpSync(path.join(installed, name), copied, { recursive: true, verbatimSymlinks: true });
    } else symlinkSync(path.join(installed, name), copied);
  }
};
