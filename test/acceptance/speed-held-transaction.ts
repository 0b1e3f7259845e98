/** 500,000 jobs while a transaction is held open on the database, beside without one. */
import { runBench } from './support/run-bench.ts';

process.exitCode = await runBench('held-transaction');
