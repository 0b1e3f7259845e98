import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import path from 'node:path';

const BENCH = path.join(import.meta.dirname, '../../bench/bench.ts');

/**
 * Runs measures of the benchmark, peers included, and judges the targets that they have; arguments
 * of the program are the benchmark's (`--repetitions 5`, `--contenders …`). It prints each figure
 * beside its bound.
 * @returns its exit code: 1 when a target was missed or a reading failed.
 */
export const runBench = async (...measures: readonly string[]): Promise<number> => {
  const args = [BENCH, '--strict', '--only', measures.join(','), ...process.argv.slice(2)];
  const bench = spawn(process.execPath, args, { stdio: 'inherit' });
  // A terminal sends its interrupt to the benchmark as well, which ends what it has started.
  const hold = (): void => undefined;
  const forward = (): void => void bench.kill('SIGTERM');
  process.on('SIGINT', hold).on('SIGTERM', forward);
  await once(bench, 'close');
  return bench.exitCode ?? 128 + constants.signals[bench.signalCode ?? 'SIGKILL'];
};
