/**
 * What an idle system costs: four services, 100 endpoints, 100 workers that wait, no job.
 *
 * Reads twenty seconds of it once it has settled: statements by pg_stat_statements, CPU and memory
 * by /proc. Then one job on each of ten endpoints shows that the waiting workers do work.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { forgetCosts, readCosts } from '../bench/statement-costs.ts';
import { startNats } from '../support/nats.ts';
import { startPostgres } from '../support/postgres.ts';
import { SERVICES, startSwitchyard } from '../support/start-switchyard.ts';
import { usageOf } from './load/read-processes.ts';
import { callsTo } from './support/call-http.ts';
import { startChecks } from './support/checks.ts';
import { endOf, makeKey, submit } from './support/setup-calls.ts';

const ENDPOINTS = 100;
const SETTLE_MS = 8_000;
const READ_MS = 20_000;
const MINUTE_MS = 60_000;
const KNOWN_WAIT_MS = 30_000;
const TOLD = 8;
/** Of one core; and in all. */
const BUDGET = { statementsPerMinute: 3_500, servicesCpuPercent: 15, postgresCpuPercent: 6 };
const RSS_MAX_MIB = 250;

const checks = startChecks();
await using postgres = await startPostgres({
  settings: { shared_preload_libraries: 'pg_stat_statements' },
});
await using nats = await startNats();
const databaseUrl = await postgres.createDatabase();
const names = Array.from({ length: ENDPOINTS }, (_, n) => `idle-${n}`);
await using switchyard = await startSwitchyard({
  mode: 'separate',
  databaseUrl,
  brokerUrl: nats.url,
  config: `endpoints:\n${names.map((name) => `  ${name}: { name: Idle }\n`).join('')}`,
});
const call = callsTo(switchyard.apiUrl, switchyard.apiKey);
const { key } = await makeKey(call, { scopes: ['worker'] });
const program = path.join(import.meta.dirname, 'idle/waiting-workers.ts');
const workers = fork(program, [switchyard.gatewayUrl, String(ENDPOINTS)], {
  execArgv: [],
  env: { ...process.env, TOKEN: key },
});
process.once('exit', () => workers.kill('SIGKILL'));

const untilMs = performance.now() + KNOWN_WAIT_MS;
const known = async (): Promise<number> =>
  (await call('GET /v1/workers?limit=200')).text.match(/"idle-worker-\d+"/g)?.length ?? 0;
while ((await known()) < ENDPOINTS && performance.now() < untilMs) await pause(250);
checks.check((await known()) === ENDPOINTS, 'workers that wait', await known(), ENDPOINTS);
await pause(SETTLE_MS);

const cpuOf = (pid: number | undefined): number => usageOf(pid).cpuSeconds;
const pids = new Map<string, number | undefined>([
  ...SERVICES.map((name) => [name, switchyard.process(name).pid()] as const),
  ['postgres', postgres.pid],
  ['nats', nats.pid],
  ['100 workers', workers.pid],
]);
await forgetCosts(databaseUrl);
const before = new Map([...pids].map(([name, pid]) => [name, cpuOf(pid)]));
await pause(READ_MS);
const percents = new Map(
  [...pids].map(([name, pid]) => {
    const spent = cpuOf(pid) - (before.get(name) ?? 0);
    return [name, (spent * 100_000) / READ_MS];
  }),
);
const costs = await readCosts(databaseUrl);
const aMinute = (calls: number): number => Math.round((calls * MINUTE_MS) / READ_MS);
const statements = aMinute(costs.reduce((sum, { calls }) => sum + calls, 0));
checks.check(
  statements <= BUDGET.statementsPerMinute,
  'statements a minute',
  statements,
  `at most ${BUDGET.statementsPerMinute}`,
);
for (const { name, calls } of costs.toSorted((a, b) => b.calls - a.calls).slice(0, TOLD)) {
  console.log(`       ${aMinute(calls)} ${name}`);
}
const services = SERVICES.reduce((sum, name) => sum + (percents.get(name) ?? 0), 0);
checks.check(
  services <= BUDGET.servicesCpuPercent,
  'CPU of the four services, % of a core',
  services.toFixed(1),
  `at most ${BUDGET.servicesCpuPercent}`,
);
const ofPostgres = percents.get('postgres') ?? 0;
checks.check(
  ofPostgres <= BUDGET.postgresCpuPercent,
  'CPU of Postgres, % of a core',
  ofPostgres.toFixed(1),
  `at most ${BUDGET.postgresCpuPercent}`,
);
for (const [name, pid] of pids) {
  const cpu = (percents.get(name) ?? 0).toFixed(1);
  console.log(`       ${name}: ${cpu} % of a core, ${usageOf(pid).rssMib.toFixed(0)} MiB`);
}
for (const name of SERVICES) {
  const { rssMib } = usageOf(switchyard.process(name).pid());
  // The supervisor is two processes: its keeper and its HTTP part.
  const most = name === 'supervisor' ? 2 * RSS_MAX_MIB : RSS_MAX_MIB;
  checks.check(rssMib <= most, `memory of ${name}, MiB`, rssMib.toFixed(0), `at most ${most}`);
}
let done = 0;
for (const name of names.slice(0, 10)) {
  const job = await submit(call, name, { input: {} });
  if ((await endOf(call, name, job)).text.includes('"COMPLETED"')) done += 1;
}
checks.check(done === 10, 'jobs that the waiting workers then did', done, 10);
workers.kill('SIGKILL');
await once(workers, 'exit');
checks.end();
