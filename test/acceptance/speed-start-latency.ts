/** From the HTTP send to the handler at 50 jobs a second, beside a peer; runsync beside that. */
import { runBench } from './support/run-bench.ts';

process.exitCode = await runBench('start-latency', 'runsync');
