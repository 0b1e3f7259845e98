/** 100,000 queued jobs until all are terminal, worker in its own process, beside the peers. */
import { runBench } from './support/run-bench.ts';

process.exitCode = await runBench('drain');
