/**
 * Runs acceptance programs: `npm run accept` lists them, `npm run accept -- NAME [arguments]` runs
 * one, `npm run accept -- all` runs each. The exit code is the program's own; for `all`, 1 when one
 * of them failed.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { runProgram } from './support/run-program.ts';

const FOLDER = path.join(import.meta.dirname, 'acceptance');

const PROGRAMS: readonly string[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => path.basename(file, '.ts'))
  .sort();

/** The first line of the program's own docstring. */
const describeProgram = (name: string): string => {
  const text = readFileSync(path.join(FOLDER, `${name}.ts`), 'utf8');
  return /^\/\*\*\s*(?:\*\s*)?(.+?)(?:\s*\*\/)?$/m.exec(text)?.[1] ?? '';
};

const listPrograms = (): void => {
  const width = Math.max(0, ...PROGRAMS.map((name) => name.length));
  for (const name of PROGRAMS) console.log(`${name.padEnd(width)}  ${describeProgram(name)}`);
  console.log(`${PROGRAMS.length} programs; run one by its name, or all`);
};

/** Runs one program and tells how long it took. @returns its exit code. */
const runAccept = async (name: string, args: readonly string[]): Promise<number> => {
  const startedMs = performance.now();
  const code = await runProgram(path.join(FOLDER, `${name}.ts`), args);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} ${seconds} s`);
  return code;
};

const runAll = async (): Promise<number> => {
  let failed = 0;
  for (const name of PROGRAMS) {
    if ((await runAccept(name, [])) !== 0) failed += 1;
  }
  console.log(`${PROGRAMS.length - failed} passed, ${failed} failed`);
  return failed === 0 && PROGRAMS.length > 0 ? 0 : 1;
};

const [name, ...args] = process.argv.slice(2);
if (name === undefined) {
  listPrograms();
} else if (name === 'all') {
  process.exitCode = await runAll();
} else if (PROGRAMS.includes(name)) {
  process.exitCode = await runAccept(name, args);
} else {
  listPrograms();
  console.error(`there is no acceptance program named ${name}`);
  process.exitCode = 2;
}
