/**
 * Breaks a copy of the repository in one way after the other and shows that `npm run check` fails.
 *
 * Each break must fail in the part of the check that is there for it, and the copy must pass while
 * it is whole. Prints a line for each; exits 1 when the check let something through.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { listFiles, REPOSITORY } from '../check/list-files.ts';

type Break = {
  readonly name: string;
  /** The part of the check that must fail. */
  readonly part: string;
  readonly file: string;
  readonly text: string;
};

const FILE = 'packages/lifecycle/src/transitions.ts';

const BREAKS: readonly Break[] = [
  {
    name: 'a forbidden import between packages',
    part: 'directions',
    file: 'packages/worker/src/index.ts',
    text: "export { next as probe } from '@switchyard/lifecycle';\n",
  },
  { name: 'an import cycle', part: 'imports', file: FILE, text: "import './index.ts';\n" },
  {
    name: 'an unused export',
    part: 'dead-code',
    file: FILE,
    text: '/** Nobody calls it. */\nexport const probe = (): number => 1;\n',
  },
  {
    name: 'a type error',
    part: 'types',
    file: FILE,
    text: "const probe: number = 'one';\nvoid probe;\n",
  },
  { name: 'a line out of format', part: 'style', file: FILE, text: 'void   0\n' },
  // In two pieces, because the check reads this file too.
  { name: 'a note for later', part: 'tidy', file: FILE, text: `// ${'TO'}${'DO'} later\n` },
];

/** A copy of the files with the same dependencies; its own packages are those of the copy. */
const copyRepository = async (to: string): Promise<void> => {
  for (const file of listFiles(REPOSITORY)) {
    cpSync(path.join(REPOSITORY, file), path.join(to, file));
  }
  const installed = path.join(REPOSITORY, 'node_modules');
  await mkdir(path.join(to, 'node_modules'));
  for (const name of readdirSync(installed)) {
    const copied = path.join(to, 'node_modules', name);
    // These links lead to ../../packages, so that a copy of them leads to the copy's packages.
    if (name === '@switchyard') {
      cpSync(path.join(installed, name), copied, { recursive: true, verbatimSymlinks: true });
    } else {
      symlinkSync(path.join(installed, name), copied);
    }
  }
};

/** The names of the parts that failed, and whether the command as a whole did. */
const check = (folder: string): { failed: boolean; parts: string[]; output: string } => {
  const command = ['run', '--silent', 'check'];
  const { status, stdout, stderr } = spawnSync('npm', command, { cwd: folder, encoding: 'utf8' });
  const table = stdout.slice(stdout.lastIndexOf('\nsummary\n'));
  const parts = [...table.matchAll(/^FAIL (\S+)/gm)].map(([, part]) => part ?? '');
  return { failed: status !== 0, parts, output: `${stdout}${stderr}` };
};

/** Applies one break, checks, and takes it back. @returns whether the right part failed. */
const tryBreak = (folder: string, { name, part, file, text }: Break): boolean => {
  appendFileSync(path.join(folder, file), text);
  const { failed, parts } = check(folder);
  cpSync(path.join(REPOSITORY, file), path.join(folder, file));
  const seen = failed && parts.includes(part);
  console.log(`${seen ? 'ok  ' : 'FAIL'} ${name}: failed ${parts.join(', ') || 'nothing'}`);
  return seen;
};

const folder = mkdtempSync(path.join(tmpdir(), 'switchyard check '));
try {
  await copyRepository(folder);
  const clean = check(folder);
  console.log(`${clean.failed ? 'FAIL' : 'ok  '} the repository as it is passes`);
  if (clean.failed) console.log(clean.output);
  // A part that fails anyway cannot show that it saw the break.
  const shown = BREAKS.map((one) => tryBreak(folder, one) && !clean.parts.includes(one.part));
  const passed = [!clean.failed, ...shown].filter((ok) => ok).length;
  console.log(`${passed} passed, ${BREAKS.length + 1 - passed} failed`);
  process.exitCode = passed === BREAKS.length + 1 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}
