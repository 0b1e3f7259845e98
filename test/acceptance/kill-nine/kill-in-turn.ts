import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type BrokerName, startBroker } from '../../support/brokers.ts';
import { checkInvariants } from '../../support/invariants.ts';
import { startPostgres } from '../../support/postgres.ts';
import { type RunpodWorker, startRunpodWorker } from '../../support/start-runpod-worker.ts';
import { startSwitchyard } from '../../support/start-switchyard.ts';
import { openJobReader, tally, untilQuiet } from '../load/read-jobs.ts';
import { type JournalWorker, startJournalWorker } from '../load/start-journal-worker.ts';
import { type Posting, readAcknowledged, startPosting } from '../load/start-posting.ts';
import { callsTo } from '../support/call-http.ts';
import type { Checks } from '../support/checks.ts';
import { makeKey } from '../support/setup-calls.ts';
import { judgeEnds } from './judge-ends.ts';
import { type Fault, faultsOf, type Recovery, strike } from './strike-in-turn.ts';
import { startWebhookReceiver } from './webhook-receiver.ts';

export type Killing = {
  readonly checks: Checks;
  readonly broker: BrokerName;
  /** Without it jobs are posted until each fault has struck once. */
  readonly jobs?: number;
  readonly perSecond: number;
  /** The pauses before each try after a failed post, in ms. */
  readonly retryAfterMs: readonly number[];
  /** From a start to the next job that is completed. */
  readonly recoveryMaxMs: number;
};

const WORK_MS = 100;
const WEBHOOK_EVERY = 50;
const QUIET_MAX_MS = 120_000;
const RERUN_MAX_PART = 0.01;
/** What one kill may cost in work done twice, where there are few jobs. */
const RERUN_MIN = 60;
const ENDPOINT = 'echo';
const CONFIG = `
endpoints: { ${ENDPOINT}: { name: Echo } }
webhooks: { allowPrivateTargets: [127.0.0.0/8] }
`;

/** Kills everything in turn while jobs are posted, and judges what became of them. */
export const killInTurn = async (killing: Killing): Promise<void> => {
  const {
    checks,
    jobs = Number.MAX_SAFE_INTEGER,
    perSecond,
    retryAfterMs,
    recoveryMaxMs,
  } = killing;
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-kill-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const postgres = started.use(await startPostgres());
  const broker = started.use(await startBroker(killing.broker));
  const [databaseUrl, brokerUrl] = [await postgres.createDatabase(), broker.url];
  const switchyard = started.use(
    await startSwitchyard({ mode: 'separate', databaseUrl, brokerUrl, config: CONFIG }),
  );
  const { apiUrl, apiKey, gatewayUrl } = switchyard;
  const granted = { scopes: ['worker'], endpoints: [ENDPOINT] };
  const { key: token } = await makeKey(callsTo(apiUrl, apiKey), granted);
  const reader = started.use(openJobReader(apiUrl, ENDPOINT, apiKey));
  const receiver = started.use(await startWebhookReceiver());
  const { ours, runpod } = startWorkers(started, { gatewayUrl, token, folder });
  const acknowledgedPath = path.join(folder, 'acknowledged');
  const posting = started.use(
    startPosting({
      ...{ apiUrl, endpoint: ENDPOINT, apiKey, count: jobs, acknowledgedPath },
      ...{ concurrency: 64, perSecond, retryAfterMs, keyPrefix: 'kill-nine-' },
      webhook: { url: receiver.url, every: WEBHOOK_EVERY },
    }),
  );
  const faults = faultsOf(switchyard, postgres, broker);
  const turns = killing.jobs === undefined ? faults.length : Infinity;
  const recoveries = await strikeAll(faults, turns, posting, (fault) =>
    strike(fault, reader, recoveryMaxMs),
  );
  posting.finish();
  judgeRecoveries(checks, faults, recoveries, recoveryMaxMs);
  const report = await posting.report;
  const isQuiet = await untilQuiet(reader, QUIET_MAX_MS);
  const failures = `${report.retries} retries, ${JSON.stringify(report.failures)}`;
  const givenUp = `${report.givenUp} of ${report.givenUp + report.acknowledged}; ${failures}`;
  checks.check(report.givenUp === 0, 'posts given up after retries', givenUp, 0);
  checks.check(isQuiet, 'no job queued or running after healing', String(isQuiet), 'within 120 s');
  const acknowledged = readAcknowledged(acknowledgedPath);
  await judgeEnds({ checks, reader, acknowledged, receiver, webhookEvery: WEBHOOK_EVERY });
  judgeWorkers(checks, acknowledged.size, ours, runpod);
  const faulty = await checkInvariants(databaseUrl);
  checks.check(faulty.length === 0, 'invariants of the database broken', faulty.length, 0);
  for (const sentence of faulty) console.log(`       ${sentence.slice(0, 500)}`);
};

/** Two of our library, one of RunPod's protocol. */
const startWorkers = (
  started: AsyncDisposableStack,
  given: { readonly gatewayUrl: string; readonly token: string; readonly folder: string },
): { ours: JournalWorker[]; runpod: RunpodWorker } => {
  const ours = ['one', 'two'].map((workerId) => {
    const settings = { ...given, endpoint: ENDPOINT, workerId, concurrency: 16, workMs: WORK_MS };
    return started.use(startJournalWorker(settings));
  });
  const runpod = startRunpodWorker({
    gatewayUrl: `${given.gatewayUrl}/v2`,
    ...{ endpoint: ENDPOINT, workerToken: given.token, workerId: 'runpod', concurrency: 8 },
  });
  started.defer(() => runpod.close());
  return { ours, runpod };
};

/** Each in turn, and again, as long as jobs are posted and there are turns. */
const strikeAll = async (
  faults: readonly Fault[],
  turns: number,
  posting: Posting,
  strikeOne: (fault: Fault) => Promise<Recovery>,
): Promise<Recovery[]> => {
  const recoveries: Recovery[] = [];
  for (let turn = 0; turn < turns && !posting.isOver(); turn += 1) {
    const fault = faults[turn % faults.length];
    if (fault === undefined) break;
    const recovery = await strikeOne(fault);
    if (!posting.isOver()) recoveries.push(recovery);
    const { name, readyMs, completedMs } = recovery;
    const completed = completedMs === undefined ? 'none' : `${(completedMs / 1_000).toFixed(2)} s`;
    console.log(
      `     ${name}: ready after ${(readyMs / 1_000).toFixed(2)} s, next completed ${completed}`,
    );
  }
  return recoveries;
};

const judgeRecoveries = (
  checks: Checks,
  faults: readonly Fault[],
  recoveries: readonly Recovery[],
  recoveryMaxMs: number,
): void => {
  const struck = tally(recoveries.map(({ name }) => name));
  checks.check(
    faults.every(({ name }) => struck.has(name)),
    'kills under load',
    recoveries.length,
    `each of ${faults.length} at least once`,
  );
  const slowest = Math.max(...recoveries.map(({ completedMs }) => completedMs ?? Infinity));
  checks.check(
    slowest <= recoveryMaxMs,
    'slowest restart to the next completed job, in s',
    (slowest / 1_000).toFixed(1),
    `at most ${recoveryMaxMs / 1_000}`,
  );
};

const judgeWorkers = (
  checks: Checks,
  jobs: number,
  ours: readonly JournalWorker[],
  runpod: RunpodWorker,
): void => {
  const runpodStarts = runpod.facts().filter(({ event }) => event === 'start');
  const starts = [
    ...ours.flatMap((worker) => worker.starts()),
    ...runpodStarts.flatMap(({ jobId }) => jobId ?? []),
  ];
  const reruns = starts.length - new Set(starts).size;
  const rerunMax = Math.max(RERUN_MAX_PART * jobs, RERUN_MIN);
  checks.check(
    reruns <= rerunMax && starts.length > 0,
    'starts of a job that had been started before',
    `${reruns} of ${starts.length}, ${runpodStarts.length} by RunPod's protocol`,
    `at most ${rerunMax}`,
  );
  const alive = ours.filter((worker) => worker.isAlive()).length;
  checks.check(alive === ours.length, 'workers of our library alive', alive, `all ${ours.length}`);
};
