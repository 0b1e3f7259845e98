import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type BrokerName, startBroker } from '../../support/brokers.ts';
import { checkInvariants } from '../../support/invariants.ts';
import { startPostgres } from '../../support/postgres.ts';
import { type RunpodWorker, startRunpodWorker } from '../../support/start-runpod-worker.ts';
import { startSwitchyard } from '../../support/start-switchyard.ts';
import { type JournalWorker, startJournalWorker } from '../load/start-journal-worker.ts';
import { callsTo } from '../support/call-http.ts';
import type { Checks } from '../support/checks.ts';
import { makeKey } from '../support/setup-calls.ts';
import { judgeJobs } from './judge-jobs.ts';
import { judgeOperations } from './judge-operations.ts';
import { judgeRestarts } from './judge-restarts.ts';
import { type Living, liveThrough, PLAIN, STREAMING } from './live-through.ts';
import { openPatientClient } from './patient-client.ts';
import { restartInTurn } from './restart-in-turn.ts';

const ROUNDS = 3;
const LIVES_PER_SECOND = 15;
const BEFORE_MS = 3_000;
/** Longer than it takes to know that a result of RunPod's protocol was lost. */
const LIVES_END_MAX_MS = 90_000;
const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));
const CONFIG = `endpoints: { ${PLAIN}: { name: Plain }, ${STREAMING}: { name: Streaming } }\n`;

/** Restarts each service in turn while clients work, and judges what they met. */
export const roll = async (checks: Checks, brokerName: BrokerName): Promise<void> => {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-rolling-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const postgres = started.use(await startPostgres());
  const broker = started.use(await startBroker(brokerName));
  const [databaseUrl, brokerUrl] = [await postgres.createDatabase(), broker.url];
  const switchyard = started.use(
    await startSwitchyard({ mode: 'separate', databaseUrl, brokerUrl, config: CONFIG }),
  );
  const { apiUrl, apiKey, gatewayUrl } = switchyard;
  const call = callsTo(apiUrl, apiKey);
  const { key: token } = await makeKey(call, { scopes: ['worker'] });
  const workers = startWorkers(started, { gatewayUrl, token, folder });
  const client = started.use(openPatientClient(apiUrl, apiKey));
  const living: Living = { client, keyPrefix: 'rolling-', lives: [] };

  const clients = startLives(living);
  await pause(BEFORE_MS);
  const restarts = await restartInTurn(switchyard, ROUNDS);
  const faults = await clients.end();

  judgeRestarts(checks, restarts, ROUNDS);
  judgeOperations(checks, client, restarts, faults);
  await judgeJobs({ checks, apiUrl, apiKey, call, lives: living.lives, ...workers });
  const faulty = await checkInvariants(databaseUrl);
  checks.check(faulty.length === 0, 'invariants of the database broken', faulty.length, 0);
  for (const sentence of faulty) console.log(`       ${sentence.slice(0, 500)}`);
};

/** Two of our library and one of RunPod's protocol; those of our library alone stream. */
const startWorkers = (
  started: AsyncDisposableStack,
  given: { readonly gatewayUrl: string; readonly token: string; readonly folder: string },
): { ours: JournalWorker[]; runpod: RunpodWorker } => {
  const ours = [PLAIN, STREAMING].map((endpoint) => {
    const settings = { ...given, endpoint, workerId: `our-${endpoint}`, program: WORKER };
    return started.use(startJournalWorker({ ...settings, concurrency: 16, workMs: 0 }));
  });
  const runpod = startRunpodWorker({
    gatewayUrl: `${given.gatewayUrl}/v2`,
    ...{ endpoint: PLAIN, workerToken: given.token, workerId: 'runpod', concurrency: 4 },
  });
  started.defer(() => runpod.close());
  return { ours, runpod };
};

/** Begins lives at a steady rate. `end` begins no more and resolves to what went wrong in them. */
const startLives = (living: Living): { end(): Promise<string[]> } => {
  const faults: string[] = [];
  const running: Promise<void>[] = [];
  const timer = setInterval(() => {
    const n = running.length;
    running.push(liveThrough(living, n).catch((error) => void faults.push(String(error))));
  }, 1_000 / LIVES_PER_SECOND);
  return {
    end: async () => {
      clearInterval(timer);
      const late = pause(LIVES_END_MAX_MS, 'late', { ref: false });
      const first = await Promise.race([Promise.all(running), late]);
      if (first === 'late') faults.push(`not over ${LIVES_END_MAX_MS / 1_000} s after the last`);
      return faults;
    },
  };
};
