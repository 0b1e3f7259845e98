/**
 * Runs acceptance programs: `npm run accept` lists them, `npm run accept -- NAME [arguments]` runs
 * one, `npm run accept -- all` runs each. The exit code is the program's own; for `all`, 1 when one
 * of them failed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';

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

/** Runs one program on this terminal. @returns its exit code; 128 and more for a signal. */
const runProgram = async (name: string, args: readonly string[]): Promise<number> => {
  const startedMs = performance.now();
  const file = path.join(FOLDER, `${name}.ts`);
  const child = spawn(process.execPath, [file, ...args], { stdio: 'inherit' });
  // A terminal sends its interrupt to the program as well: it decides, and this process waits.
  const hold = (): void => undefined;
  const forward = (): void => void child.kill('SIGTERM');
  process.on('SIGINT', hold).on('SIGTERM', forward);
  await once(child, 'close');
  process.off('SIGINT', hold).off('SIGTERM', forward);
  const code = child.exitCode ?? 128 + constants.signals[child.signalCode ?? 'SIGKILL'];
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} ${seconds} s`);
  return code;
};

const runAll = async (): Promise<number> => {
  let failed = 0;
  for (const name of PROGRAMS) {
    if ((await runProgram(name, [])) !== 0) failed += 1;
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
  process.exitCode = await runProgram(name, args);
} else {
  listPrograms();
  console.error(`there is no acceptance program named ${name}`);
  process.exitCode = 2;
}
