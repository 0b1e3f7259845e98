import path from 'node:path';
import { runProgram } from '../../support/run-program.ts';

const BENCH = path.join(import.meta.dirname, '../../bench/bench.ts');

/**
 * Runs measures of the benchmark, peers included, and judges the targets that they have; arguments
 * of the program are the benchmark's (`--repetitions 5`, `--contenders …`). It prints each figure
 * beside its bound.
 * @returns its exit code: 1 when a target was missed or a reading failed.
 */
export const runBench = (...measures: readonly string[]): Promise<number> =>
  runProgram(BENCH, ['--strict', '--only', measures.join(','), ...process.argv.slice(2)]);
