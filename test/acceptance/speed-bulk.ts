/** Jobs submitted in bulk, and in bulk until all are done, beside the peers. */
import { runBench } from './support/run-bench.ts';

process.exitCode = await runBench('bulk-submission', 'bulk-done');
