/** 20,000 jobs over HTTP until all are terminal, beside the reference and the peers. */
import { runBench } from './support/run-bench.ts';

process.exitCode = await runBench('end-to-end');
