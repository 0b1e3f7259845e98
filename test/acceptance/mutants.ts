/**
 * Seeds defects into a copy of the tree, one at a time: the checker of a fault run must find each.
 *
 * Each runs as a process of its own, on a real Postgres and NATS, for the scenes that would show
 * it. Then the tree as it is goes through the scenes ten times, and nothing may be found. With
 * names as arguments only defects of such a name are seeded; `--clean N` is how often the tree is
 * run as it is.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { MUTANTS } from '../fault/mutants/index.ts';
import { SCENES, type SceneName, seed } from '../fault/mutants/mutant.ts';
import { startPostgres } from '../support/postgres.ts';
import { copyTree } from './kill-npm-start/copy-tree.ts';
import { examine } from './mutants/exam.ts';
import { startChecks } from './support/checks.ts';

const CLEAN_RUNS = 10;
/** Whatever is killed in one scene would be missed in another. */
const CRASHES: readonly (readonly SceneName[])[] = [['breakages'], ['crash']];
const CALM = SCENES.filter((name) => !CRASHES.flat().includes(name));
const CLEAN = [CALM, ...CRASHES];
const SHOWN = 4;
const COLUMNS = 160;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { clean: { type: 'string', default: String(CLEAN_RUNS) } },
});
const chosen = MUTANTS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
);

const checks = startChecks();
const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-mutants-'));
const tree = path.join(folder, 'tree');
copyTree(tree);
const postgres = await startPostgres({ fsync: false });

const tell = (sentences: readonly string[]): void => {
  for (const one of sentences.slice(0, SHOWN)) console.log(`       ${one.slice(0, COLUMNS)}`);
};

const runExam = async (scenes: readonly SceneName[]) => {
  const startedMs = performance.now();
  const found = await examine(tree, postgres, scenes);
  return { found, seconds: Math.round((performance.now() - startedMs) / 1_000) };
};

let caught = 0;
for (const mutant of chosen) {
  const undo = seed(tree, mutant);
  const { found, seconds } = await runExam(mutant.scenes);
  undo();
  if (found.length > 0) caught += 1;
  const name = `${mutant.name} (${seconds} s)`;
  checks.check(found.length > 0, name, `${found.length} rules broken`, 'at least 1');
  tell(found);
}
console.log(`     ${caught} of ${chosen.length} found`);
for (let run = 1; run <= Number(values.clean); run += 1) {
  const { found, seconds } = await runExam(CLEAN[run % CLEAN.length] ?? CALM);
  checks.check(found.length === 0, `as it is, run ${run} (${seconds} s)`, found.length, 0);
  tell(found);
}
await postgres.close();
await rm(folder, { recursive: true, force: true });
checks.end();
