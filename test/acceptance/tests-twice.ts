/** `npm test`, twice in a row on one machine: green both times. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { startChecks } from './support/checks.ts';

const RUNS = 2;
const checks = startChecks();
for (let n = 1; n <= RUNS; n += 1) {
  const { status, stdout } = spawnSync('npm', ['test'], {
    cwd: path.resolve(import.meta.dirname, '../..'),
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  const isGreen = status === 0 && /^\d+ passed, 0 failed/.test(last);
  checks.check(
    isGreen,
    `npm test, run ${n}`,
    `${last}, exit code ${status}`,
    '0 failed, exit code 0',
  );
  if (!isGreen) process.stdout.write(stdout.slice(-20_000));
}
checks.end();
