/**
 * A worker that speaks the RunPod worker protocol as the Python package 1.12.0 was measured to,
 * faults included. It shares no code with the product, so that the two cannot be wrong together.
 *
 * Set by RunPod's variables (RUNPOD_WEBHOOK_GET_JOB and the others); `input.do` says what becomes
 * of a job (runpod-worker/handlers.ts). TEST_CONCURRENCY, TEST_JOURNAL (a file), TEST_JOURNAL_RAW,
 * TEST_JOURNAL_STDOUT, TEST_REALISTIC_PAUSES, TEST_REFRESH_WORKER, TEST_UNFIT (a reason),
 * TEST_POLL_CUT_MS, TEST_POLLS_PER_SECOND_MAX, TEST_ORPHAN_MS and TEST_KEEP_ALIVE=0 shape the rest.
 * Exits 0 after SIGTERM, 1 when unfit or badly set up, 70 when the server made it run away.
 */
import { assembleWorker } from './runpod-worker/assemble-worker.ts';
import { readConfig, type WorkerConfig } from './runpod-worker/config.ts';
import { exchange, openAgent } from './runpod-worker/exchange.ts';
import { type Journal, openJournal } from './runpod-worker/journal.ts';
import { pingUrlOf } from './runpod-worker/ping-url.ts';
import { type Pings, startPings } from './runpod-worker/start-pings.ts';
import { takeJobs } from './runpod-worker/take-jobs.ts';
import { watchStops } from './runpod-worker/watch-stops.ts';

const UNFIT_TIMEOUT_MS = 2_000;
const RUNAWAY_EXIT_CODE = 70;

const reportUnfit = async (config: WorkerConfig, reason: string): Promise<void> => {
  const url = pingUrlOf(config, { status: 'unhealthy', check: 'never_fit', reason });
  const headers = { Authorization: config.authorization, 'User-Agent': 'python-requests/2.28.1' };
  const asking = { method: 'GET', url, headers, timeoutMs: UNFIT_TIMEOUT_MS } as const;
  await exchange(openAgent(false), asking).catch(() => undefined);
};

const leave = (journal: Journal, pings: Pings, code: number): never => {
  journal.record({ event: 'exit', status: code });
  pings.signal('SIGTERM');
  process.exit(code);
};

const endWithParent = (): void => {
  process.stdin.on('end', () => process.exit(0));
  process.stdin.resume();
};

const main = async (): Promise<void> => {
  const config = readConfig(process.env);
  const journal = openJournal(config);
  if (config.unfitReason !== undefined) {
    await reportUnfit(config, config.unfitReason);
    process.exit(1);
  }
  const pings = startPings(config);
  const parts = assembleWorker(config, journal, pings, () =>
    leave(journal, pings, RUNAWAY_EXIT_CODE),
  );
  process.on('SIGTERM', () => {
    journal.record({ event: 'sigterm' });
    parts.end();
  });
  if (config.journalToStdout) endWithParent();
  const pinger = pings.pid === undefined ? {} : { pingerPid: pings.pid };
  journal.record({ event: 'ready', pid: process.pid, ...pinger });
  await Promise.all([takeJobs(parts), watchStops(parts)]);
  leave(journal, pings, 0);
};

await main();
