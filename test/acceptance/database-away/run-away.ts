import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { checkInvariants } from '../../support/invariants.ts';
import { startNats } from '../../support/nats.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import type { JournalLine } from '../../support/runpod-worker/journal.ts';
import { startSwitchyard } from '../../support/start-switchyard.ts';
import { openJobReader, untilQuiet } from '../load/read-jobs.ts';
import { type Answer, type Call, callsTo } from '../support/call-http.ts';
import type { Checks } from '../support/checks.ts';
import { makeKey } from '../support/setup-calls.ts';
import { judgeAbsence } from './judge-absence.ts';
import { judgeJobs, judgeResults } from './judge-results.ts';
import { CREWS, firstJobs, laterJobs, queuedJobs, WORKERS } from './plan-jobs.ts';
import { type Crew, startCrew } from './start-crew.ts';
import { readAll, type SubmittedJob, submitAll } from './submit-jobs.ts';

const AWAY_MS = 60_000;
/** So many jobs of `brisk` are started before the stop: by then its workers are in full swing. */
const BRISK_STARTS = 30;
const STARTED_MAX_MS = 30_000;
const QUIET_MAX_MS = 90_000;
const LOOK_AGAIN_MS = 50;
const CONFIG = `
endpoints:
${CREWS.map(({ endpoint }) => `  ${endpoint}: { limits: { maxAttempts: 2 } }`).join('\n')}
`;

/** Takes Postgres away while fifty workers are in the middle of a job, and judges the outcome. */
export const runAway = async (checks: Checks): Promise<void> => {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-away-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const postgres = started.use(await startPostgres());
  const nats = started.use(await startNats());
  const databaseUrl = await postgres.createDatabase();
  const servers = { mode: 'separate', databaseUrl, brokerUrl: nats.url, config: CONFIG } as const;
  const { apiUrl, apiKey, gatewayUrl } = started.use(await startSwitchyard(servers));
  const call = callsTo(apiUrl, apiKey);
  const { key: token } = await makeKey(call, { scopes: ['worker'] });
  const crew = started.use(startCrew(folder, { gatewayUrl, token, crews: CREWS }));

  const first = await submitAll(call, firstJobs());
  await untilStarted(crew, first, first.length);
  const queued = await submitAll(call, queuedJobs());
  const brisk = queued.filter(({ endpoint }) => endpoint === 'brisk');
  await untilStarted(crew, brisk, BRISK_STARTS);
  const { stoppedAtMs, returnedAtMs, clientAnswers } = await takeAway(postgres, call);
  const later = await submitAll(call, laterJobs());
  for (const { endpoint } of CREWS) {
    using reader = openJobReader(apiUrl, endpoint, apiKey);
    const isQuiet = await untilQuiet(reader, QUIET_MAX_MS);
    if (!isQuiet) checks.check(false, `jobs of ${endpoint} still queued or running`, 'some', 0);
  }
  checks.check(crew.isAlive(), 'the workers live', String(crew.isAlive()), 'true');
  const jobs = await readAll(call, [...first, ...queued, ...later]);
  const [facts, requests] = [crew.facts(), crew.requests()];
  const moments = { stoppedAtMs, returnedAtMs };
  const seen = { checks, ...moments, facts, requests, jobs, clientAnswers };
  judgeAbsence(seen, WORKERS);
  judgeResults(seen, first);
  judgeJobs(seen);
  const faulty = await checkInvariants(databaseUrl);
  checks.check(faulty.length === 0, 'invariants of the database broken', faulty.length, 0);
  for (const sentence of faulty) console.log(`       ${sentence.slice(0, 500)}`);
};

/** Resolves when so many of `jobs` were started. @throws Error when they are not in time. */
const untilStarted = async (
  crew: Crew,
  jobs: readonly SubmittedJob[],
  count: number,
): Promise<void> => {
  const wanted = new Set(jobs.map(({ id }) => id));
  const isStart = ({ event, jobId = '' }: JournalLine) => event === 'start' && wanted.has(jobId);
  const untilMs = performance.now() + STARTED_MAX_MS;
  for (;;) {
    const started = crew.facts().filter(isStart).length;
    if (started >= count) return;
    if (performance.now() > untilMs) throw new Error(`${started} of ${count} were started`);
    await pause(LOOK_AGAIN_MS);
  }
};

type Absence = {
  readonly stoppedAtMs: number;
  readonly returnedAtMs: number;
  readonly clientAnswers: readonly Answer[];
};

const takeAway = async (postgres: TestPostgres, call: Call): Promise<Absence> => {
  const stoppedAtMs = Date.now();
  await postgres.stop('immediate');
  await pause(AWAY_MS / 2);
  const clientAnswers = [
    await call('POST /v2/waiting/run', { body: { input: 'while it is away' } }),
    await call('GET /v2/waiting/requests'),
  ];
  await pause(stoppedAtMs + AWAY_MS - Date.now());
  await postgres.start();
  return { stoppedAtMs, returnedAtMs: Date.now(), clientAnswers };
};
