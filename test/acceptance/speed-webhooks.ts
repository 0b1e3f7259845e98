/** Jobs a second with a webhook for each, beside without. */
import { runBench } from './support/run-bench.ts';

process.exitCode = await runBench('webhooks');
