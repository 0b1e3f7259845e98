import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { checkInvariants } from '../../support/invariants.ts';
import { openProducer } from '../../support/open-producer.ts';
import { startPostgres } from '../../support/postgres.ts';
import type { Producer } from '../../support/producer.ts';
import { startSwitchyard } from '../../support/start-switchyard.ts';
import { troubleIn } from '../load/judge-logs.ts';
import { type JobReader, openJobReader, untilQuiet } from '../load/read-jobs.ts';
import { startJournalWorker } from '../load/start-journal-worker.ts';
import { callsTo } from '../support/call-http.ts';
import type { Checks } from '../support/checks.ts';
import { makeKey } from '../support/setup-calls.ts';
import { judgeDeadLetters, judgeJobs } from './judge-backlog.ts';
import { type Planned, planBacklog } from './plan-backlog.ts';

export type BacklogOptions = {
  readonly brokerUrl: string;
  readonly count: number;
  /** Of Postgres; without it what it measures is not what a disk gives. */
  readonly fsync: boolean;
};

const ENDPOINT = 'echo';
const WINDOW_MS = 1_000;
const PUBLISHED_AT_ONCE = 256;
const TAKEN_MAX_MS = 180_000;
const SETTLED_MAX_MS = 90_000;
const QUIET_MAX_MS = 120_000;
/** Which part of the backlog is taken when intake is killed. */
const KILL_AT_PART = 0.3;

/**
 * Publishes a backlog while intake is stopped, starts it, kills it with -9 on the way, and judges
 * what became of each submission.
 */
export const runBacklog = async (checks: Checks, options: BacklogOptions): Promise<void> => {
  const { brokerUrl, count } = options;
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-backlog-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const postgres = started.use(await startPostgres({ fsync: options.fsync }));
  const databaseUrl = await postgres.createDatabase();
  const config = `endpoints: { ${ENDPOINT}: { name: Echo } }\n`;
  const switchyard = started.use(
    await startSwitchyard({ mode: 'separate', databaseUrl, brokerUrl, config }),
  );
  const { apiUrl, apiKey, gatewayUrl } = switchyard;
  const asked = { scopes: ['worker'], endpoints: [ENDPOINT] };
  const { key: token } = await makeKey(callsTo(apiUrl, apiKey), asked);
  const workers = ['one', 'two'].map((workerId) => {
    const worker = { gatewayUrl, endpoint: ENDPOINT, token, workerId, concurrency: 64, workMs: 0 };
    return started.use(startJournalWorker({ ...worker, folder }));
  });
  const reader = started.use(openJobReader(apiUrl, ENDPOINT, apiKey));
  const producer = started.use(await openProducer(brokerUrl));
  const intake = switchyard.process('intake');

  await intake.end('SIGTERM');
  const plan = planBacklog(ENDPOINT, count);
  await publishBacklog(checks, producer, plan);
  const good = plan.filter(({ poison }) => poison === undefined).length;
  const startedMs = performance.now();
  await intake.start();
  await untilTaken(reader, good * KILL_AT_PART);
  await intake.end('SIGKILL');
  const takenByThen = count - (await producer.waiting());
  await intake.start();
  await untilTaken(reader, good);
  await untilSettled(producer);
  const seconds = (performance.now() - startedMs) / 1_000;
  checks.check(
    takenByThen < count,
    'kill -9 of intake in the middle',
    `about ${takenByThen} were settled`,
    'some, not all',
  );
  console.log(
    `     all settled after ${seconds.toFixed(1)} s, ${Math.round(good / seconds)} a second, ` +
      'with two starts and the kill',
  );
  checks.check(
    await untilQuiet(reader, QUIET_MAX_MS),
    'no job queued or running',
    'quiet',
    'quiet',
  );
  await judgeDeadLetters(checks, producer, plan);
  await judgeJobs(checks, reader, workers, plan);
  await intake.end('SIGTERM');
  const left = await producer.waiting();
  checks.check(left === 0, 'submissions left at the broker', left, 0);
  const trouble = troubleIn(await switchyard.logs());
  checks.check(trouble.length === 0, 'lines at error or fatal in any log', trouble.length, 0);
  for (const line of trouble.slice(0, 5)) console.log(`       ${line.slice(0, 500)}`);
  const faulty = await checkInvariants(databaseUrl);
  checks.check(faulty.length === 0, 'invariants of the database broken', faulty.length, 0);
};

const publishBacklog = async (
  checks: Checks,
  producer: Producer,
  plan: readonly Planned[],
): Promise<void> => {
  await producer.setDuplicateWindow(WINDOW_MS);
  const startedMs = performance.now();
  await publishAll(producer, plan);
  const seconds = (performance.now() - startedMs) / 1_000;
  await pause(2 * WINDOW_MS);
  const twice = plan.filter(({ isTwice }) => isTwice);
  await publishAll(producer, twice);
  const waiting = await producer.waiting();
  checks.check(
    waiting === plan.length + twice.length,
    'stored by the broker while intake is stopped',
    `${waiting}, ${Math.round(plan.length / seconds)} a second`,
    `${plan.length} and ${twice.length} copies`,
  );
};

const publishAll = async (producer: Producer, all: readonly Planned[]): Promise<void> => {
  const left = [...all];
  const lane = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await producer.publish(one);
  };
  await Promise.all(Array.from({ length: PUBLISHED_AT_ONCE }, lane));
};

/** NATS gives again what the killed intake held only half a minute later. */
const untilSettled = async (producer: Producer): Promise<void> => {
  const untilMs = performance.now() + SETTLED_MAX_MS;
  while ((await producer.waiting()) > 0 && performance.now() < untilMs) await pause(100);
};

/** Waits until the endpoint has had `count` jobs. */
const untilTaken = async (reader: JobReader, count: number): Promise<void> => {
  const untilMs = performance.now() + TAKEN_MAX_MS;
  for (;;) {
    const jobs = (await reader.health())?.jobs;
    const had = jobs === undefined ? 0 : jobs.completed + jobs.inProgress + jobs.inQueue;
    if (had >= count) return;
    if (performance.now() > untilMs) throw new Error(`${had} of ${count} were taken in time`);
    await pause(20);
  }
};
