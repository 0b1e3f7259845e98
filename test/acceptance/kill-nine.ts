/**
 * Kills each service, Postgres and NATS with -9 in turn under load: no acknowledged job is lost.
 *
 * A client writes each acknowledged id to disk and repeats failed posts with the same key; workers
 * (two of our library, one of RunPod's protocol) and a webhook receiver survive. After healing each
 * acknowledged job must have one end, be COMPLETED unless its attempts were spent, and be told.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { checkInvariants } from '../support/invariants.ts';
import { startNats } from '../support/nats.ts';
import { startPostgres } from '../support/postgres.ts';
import { startRunpodWorker } from '../support/start-runpod-worker.ts';
import { startSwitchyard } from '../support/start-switchyard.ts';
import { judgeEnds } from './kill-nine/judge-ends.ts';
import { faultsOf, RECOVERY_MAX_MS, type Recovery, strike } from './kill-nine/strike-in-turn.ts';
import { startWebhookReceiver } from './kill-nine/webhook-receiver.ts';
import { openJobReader, tally, untilQuiet } from './load/read-jobs.ts';
import { startJournalWorker } from './load/start-journal-worker.ts';
import { readAcknowledged, startPosting } from './load/start-posting.ts';
import { callsTo } from './support/call-http.ts';
import { startChecks } from './support/checks.ts';
import { makeKey } from './support/setup-calls.ts';

const JOBS = Number(process.argv[2] ?? 20_000);
const PER_SECOND = 160;
const WORK_MS = 100;
const WEBHOOK_EVERY = 50;
const QUIET_MAX_MS = 120_000;
const RERUN_MAX_PART = 0.01;
const ENDPOINT = 'echo';
const CONFIG = `
endpoints: { ${ENDPOINT}: { name: Echo } }
webhooks: { allowPrivateTargets: [127.0.0.0/8] }
`;

const checks = startChecks();
const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-kill-'));
await using started = new AsyncDisposableStack();
started.defer(() => rm(folder, { recursive: true, force: true }));
const postgres = started.use(await startPostgres());
const nats = started.use(await startNats());
const databaseUrl = await postgres.createDatabase();
const switchyard = started.use(
  await startSwitchyard({ mode: 'separate', databaseUrl, brokerUrl: nats.url, config: CONFIG }),
);
const { apiUrl, apiKey, gatewayUrl } = switchyard;
const { key: token } = await makeKey(callsTo(apiUrl, apiKey), {
  scopes: ['worker'],
  endpoints: [ENDPOINT],
});
const reader = started.use(openJobReader(apiUrl, ENDPOINT, apiKey));
const receiver = started.use(await startWebhookReceiver());
const ours = ['one', 'two'].map((workerId) =>
  started.use(
    startJournalWorker({
      gatewayUrl,
      endpoint: ENDPOINT,
      token,
      workerId,
      concurrency: 16,
      workMs: WORK_MS,
      folder,
    }),
  ),
);
const runpod = startRunpodWorker({
  gatewayUrl: `${gatewayUrl}/v2`,
  endpoint: ENDPOINT,
  workerToken: token,
  workerId: 'runpod',
  concurrency: 8,
});
started.defer(() => runpod.close());

const acknowledgedPath = path.join(folder, 'acknowledged');
const posting = started.use(
  startPosting({
    apiUrl,
    endpoint: ENDPOINT,
    apiKey,
    count: JOBS,
    concurrency: 64,
    perSecond: PER_SECOND,
    retryAfterMs: [1_000, 2_000, 4_000],
    keyPrefix: 'kill-nine-',
    acknowledgedPath,
    webhook: { url: receiver.url, every: WEBHOOK_EVERY },
  }),
);

const faults = faultsOf(switchyard, postgres, nats);
const recoveries: Recovery[] = [];
for (let turn = 0; !posting.isOver(); turn += 1) {
  const fault = faults[turn % faults.length];
  if (fault === undefined) break;
  const recovery = await strike(fault, reader);
  if (!posting.isOver()) recoveries.push(recovery);
  const { name, readyMs, completedMs } = recovery;
  const completed = completedMs === undefined ? 'none' : `${(completedMs / 1_000).toFixed(2)} s`;
  console.log(
    `     ${name}: ready after ${(readyMs / 1_000).toFixed(2)} s, next completed ${completed}`,
  );
}
const report = await posting.report;
const isQuiet = await untilQuiet(reader, QUIET_MAX_MS);

const struck = tally(recoveries.map(({ name }) => name));
checks.check(
  faults.every(({ name }) => struck.has(name)),
  'kills under load',
  recoveries.length,
  `each of ${faults.length} at least once`,
);
const slowest = Math.max(...recoveries.map(({ completedMs }) => completedMs ?? Infinity));
checks.check(
  slowest <= RECOVERY_MAX_MS,
  'slowest restart to the next completed job, in s',
  (slowest / 1_000).toFixed(1),
  `at most ${RECOVERY_MAX_MS / 1_000}`,
);
checks.check(
  report.givenUp === 0,
  'posts given up after retries',
  `${report.givenUp} of ${JOBS}; ${report.retries} retries, ${JSON.stringify(report.failures)}`,
  0,
);
checks.check(isQuiet, 'no job queued or running after healing', String(isQuiet), 'within 120 s');
const acknowledged = readAcknowledged(acknowledgedPath);
await judgeEnds({ checks, reader, acknowledged, receiver, webhookEvery: WEBHOOK_EVERY });

const runpodStarts = runpod.facts().filter(({ event }) => event === 'start');
const starts = [
  ...ours.flatMap((worker) => worker.starts()),
  ...runpodStarts.flatMap(({ jobId }) => jobId ?? []),
];
const reruns = starts.length - new Set(starts).size;
checks.check(
  reruns <= RERUN_MAX_PART * JOBS && starts.length > 0,
  'starts of a job that had been started before',
  `${reruns} of ${starts.length}, ${runpodStarts.length} by RunPod's protocol`,
  `at most ${RERUN_MAX_PART * JOBS}`,
);
checks.check(
  ours.every((worker) => worker.isAlive()),
  'workers of our library alive',
  ours.filter((worker) => worker.isAlive()).length,
  `all ${ours.length}`,
);
const faulty = await checkInvariants(databaseUrl);
checks.check(faulty.length === 0, 'invariants of the database broken', faulty.length, 0);
for (const sentence of faulty) console.log(`       ${sentence.slice(0, 500)}`);
checks.end();
