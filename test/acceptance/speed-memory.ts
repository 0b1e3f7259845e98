/** What each service's memory grows by over the last 500,000 of 1,000,000 jobs. */
import { runBench } from './support/run-bench.ts';

process.exitCode = await runBench('memory-growth');
