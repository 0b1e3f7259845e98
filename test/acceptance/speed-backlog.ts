/** Starts, claims, /health and /status with 1,000,000 jobs waiting, beside 1,000. */
import { runBench } from './support/run-bench.ts';

process.exitCode = await runBench('backlog');
