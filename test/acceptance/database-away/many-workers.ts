/**
 * Many workers of RunPod's protocol in one process: the loops of test/support/runpod-worker, each
 * with a worker id, connections and pings of its own. Each fact goes into the one journal, each
 * request that leaves into a file besides.
 */
import { channel } from 'node:diagnostics_channel';
import { openSync, writeSync } from 'node:fs';
import { ClientRequest } from 'node:http';
import { assembleWorker } from '../../support/runpod-worker/assemble-worker.ts';
import { readConfig } from '../../support/runpod-worker/config.ts';
import { openJournal } from '../../support/runpod-worker/journal.ts';
import { keepPinging } from '../../support/runpod-worker/keep-pinging.ts';
import { takeJobs } from '../../support/runpod-worker/take-jobs.ts';
import { watchStops } from '../../support/runpod-worker/watch-stops.ts';
import { workerEnvironment } from '../../support/worker-environment.ts';
import type { CrewPlan } from './start-crew.ts';

const RUNAWAY_EXIT_CODE = 70;

const plan: CrewPlan = JSON.parse(process.argv[2] ?? '');
const requests = openSync(plan.requestsPath, 'a');

// Told by Node itself for each request of this process, so that none is left out.
channel('http.client.request.start').subscribe((message) => {
  if (typeof message !== 'object' || message === null || !('request' in message)) return;
  const { request } = message;
  if (!(request instanceof ClientRequest)) throw new TypeError('not a request');
  // /v2/endpoint/call/worker…
  const [, , , call = '', worker = ''] = request.path.split(/[/?]/);
  writeSync(requests, `${JSON.stringify({ atMs: Date.now(), call, worker })}\n`);
});

const run = async (endpoint: string, workerId: string): Promise<void> => {
  const base = `${plan.gatewayUrl}/v2/${endpoint}`;
  const config = readConfig({
    ...workerEnvironment({ base, endpoint, token: plan.token, workerId }),
    TEST_JOURNAL: plan.journalPath,
  });
  const journal = openJournal(config);
  let listed: readonly string[] = [];
  const list = (jobIds: string[]): void => {
    listed = jobIds;
  };
  const pings = { pid: undefined, list, signal: () => undefined };
  const parts = assembleWorker(config, journal, pings, () => process.exit(RUNAWAY_EXIT_CODE));
  journal.record({ event: 'ready', pid: process.pid });
  await Promise.all([
    takeJobs(parts),
    watchStops(parts),
    keepPinging(config, journal, () => listed),
  ]);
};

await Promise.all(
  plan.crews.flatMap(({ endpoint, workers }) =>
    Array.from({ length: workers }, (_, n) => run(endpoint, `${endpoint}-${n}`)),
  ),
);
