/** Jobs accepted over HTTP, 64 connections, beside the reference and the peers. */
import { runBench } from './support/run-bench.ts';

process.exitCode = await runBench('http-accept');
