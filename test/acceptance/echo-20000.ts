/**
 * Runs 20,000 echo jobs through four services on Postgres with fsync: each once, in time.
 *
 * On NATS, then on RabbitMQ. A client of its own posts at concurrency 64; two workers of our
 * library, 64 slots each, note each start. Prints what accepting and finishing cost. Bound: all
 * are done within 120 s.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type BrokerName, chosenBrokers, startBroker } from '../support/brokers.ts';
import { startPostgres } from '../support/postgres.ts';
import { type Switchyard, startSwitchyard } from '../support/start-switchyard.ts';
import { troubleIn } from './load/judge-logs.ts';
import { inputOf } from './load/posting-plan.ts';
import { type JobReader, openJobReader, tally, tellTally, untilQuiet } from './load/read-jobs.ts';
import { usageOf } from './load/read-processes.ts';
import { type JournalWorker, startJournalWorker } from './load/start-journal-worker.ts';
import { readAcknowledged, startPosting } from './load/start-posting.ts';
import { callsTo } from './support/call-http.ts';
import { startChecks } from './support/checks.ts';
import { makeKey } from './support/setup-calls.ts';

const JOBS = Number(process.argv[2] ?? 20_000);
const DONE_MAX_SECONDS = 120;
const WORKERS_WAIT_MS = 10_000;
const ENDPOINT = 'echo';

const checks = startChecks();

const untilWorkersAreThere = async (reader: JobReader, count: number): Promise<void> => {
  const untilMs = performance.now() + WORKERS_WAIT_MS;
  while ((await reader.health())?.workers.ready !== count) {
    if (performance.now() > untilMs) throw new Error('the workers did not come');
    await pause(50);
  }
};

const usages = (switchyard: Switchyard, more: Readonly<Record<string, number>>) =>
  new Map(
    [
      ...switchyard.processes.map((one): [string, number | undefined] => [one.name, one.pid()]),
      ...Object.entries(more),
    ].map(([name, pid]) => [name, usageOf(pid)]),
  );

/** What is wrong with the jobs, as a client reads them. */
const judgeJobs = async (
  reader: JobReader,
  acknowledged: ReadonlyMap<number, string>,
): Promise<void> => {
  const listed = await reader.requests();
  const states = tally(listed.map(({ status }) => status));
  checks.check(
    states.get('COMPLETED') === JOBS && listed.length === JOBS,
    'jobs in /requests',
    tellTally(states),
    `COMPLETED ${JOBS}`,
  );
  const statuses = await reader.statuses(acknowledged.values());
  const exact = [...acknowledged].filter(([n, id]) => {
    const found = statuses.get(id);
    return found?.body.status === 'COMPLETED' && found.text.includes(`"output":${inputOf(n)}`);
  });
  checks.check(
    exact.length === JOBS,
    'COMPLETED with the echoed bytes',
    exact.length,
    `all ${JOBS}`,
  );
  const jobs = (await reader.health())?.jobs;
  checks.check(
    jobs?.completed === JOBS && jobs.failed + jobs.inProgress + jobs.inQueue + jobs.retried === 0,
    '/health',
    JSON.stringify(jobs),
    `completed ${JOBS}, the others 0`,
  );
};

const judgeStarts = (workers: readonly JournalWorker[], ids: ReadonlySet<string>): void => {
  const starts = tally(workers.flatMap((worker) => worker.starts()));
  const once = [...starts].filter(([id, times]) => times === 1 && ids.has(id)).length;
  const total = [...starts.values()].reduce((sum, times) => sum + times, 0);
  checks.check(
    once === JOBS && total === JOBS,
    'jobs that ran exactly once',
    `${once} of ${total} starts`,
    `all ${JOBS}`,
  );
};

const judgeLogs = (logs: string): void => {
  const trouble = troubleIn(logs);
  checks.check(trouble.length === 0, 'lines at error or fatal in any log', trouble.length, 0);
  for (const line of trouble.slice(0, 10)) console.log(`       ${line.slice(0, 500)}`);
};

/** The system, with two workers that are there. */
const openSystem = async (started: AsyncDisposableStack, name: BrokerName) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'switchyard-echo-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const postgres = started.use(await startPostgres());
  const broker = started.use(await startBroker(name));
  const switchyard = started.use(
    await startSwitchyard({
      mode: 'separate',
      databaseUrl: await postgres.createDatabase(),
      brokerUrl: broker.url,
      config: `endpoints: { ${ENDPOINT}: { name: Echo } }\n`,
    }),
  );
  const { apiUrl, apiKey, gatewayUrl } = switchyard;
  const granted = { scopes: ['worker'], endpoints: [ENDPOINT] };
  const { key: token } = await makeKey(callsTo(apiUrl, apiKey), granted);
  const reader = started.use(openJobReader(apiUrl, ENDPOINT, apiKey));
  const settings = { gatewayUrl, endpoint: ENDPOINT, token, concurrency: 64, workMs: 0, folder };
  const workers = ['one', 'two'].map((workerId) =>
    started.use(startJournalWorker({ ...settings, workerId })),
  );
  await untilWorkersAreThere(reader, workers.length);
  const pids = { postgres: postgres.pid, [name]: broker.pid };
  return { switchyard, reader, workers, pids, acknowledgedPath: path.join(folder, 'acknowledged') };
};

const runOn = async (broker: BrokerName): Promise<void> => {
  await using started = new AsyncDisposableStack();
  const { switchyard, reader, workers, pids, acknowledgedPath } = await openSystem(started, broker);
  const { apiUrl, apiKey } = switchyard;
  const before = usages(switchyard, pids);
  const beganMs = performance.now();
  await using posting = startPosting({
    ...{ apiUrl, endpoint: ENDPOINT, apiKey, count: JOBS, concurrency: 64 },
    ...{ retryAfterMs: [], acknowledgedPath },
  });
  const report = await posting.report;
  const isQuiet = await untilQuiet(reader, DONE_MAX_SECONDS * 1_000 - report.elapsedMs);
  const seconds = (performance.now() - beganMs) / 1_000;
  const after = usages(switchyard, pids);

  const acknowledged = readAcknowledged(acknowledgedPath);
  checks.check(
    report.acknowledged === JOBS && acknowledged.size === JOBS,
    'acknowledged posts',
    `${report.acknowledged}, failed ${JSON.stringify(report.failures)}`,
    `all ${JOBS}`,
  );
  checks.check(
    isQuiet && seconds <= DONE_MAX_SECONDS,
    'seconds until all were terminal',
    seconds.toFixed(1),
    `at most ${DONE_MAX_SECONDS}`,
  );
  await judgeJobs(reader, acknowledged);
  judgeStarts(workers, new Set(acknowledged.values()));
  judgeLogs((await switchyard.logs()) + workers.map((worker) => worker.log()).join(''));

  console.log(
    `     accepted ${Math.round((JOBS * 1_000) / report.elapsedMs)} jobs/s, ` +
      `p50 ${report.acceptP50Ms.toFixed(1)} ms, p99 ${report.acceptP99Ms.toFixed(1)} ms; ` +
      `end to end ${Math.round(JOBS / seconds)} jobs/s`,
  );
  for (const [name, { cpuSeconds, rssMib }] of after) {
    const spent = cpuSeconds - (before.get(name)?.cpuSeconds ?? 0);
    console.log(`     ${name}: CPU ${spent.toFixed(1)} s, RSS ${Math.round(rssMib)} MiB`);
  }
};

for (const broker of chosenBrokers()) {
  console.log(`--- ${broker}`);
  await runOn(broker);
}
checks.end();
