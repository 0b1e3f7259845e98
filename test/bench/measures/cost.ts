import { usageOf } from '../../acceptance/load/read-processes.ts';
import { freePort } from '../../support/free-port.ts';
import { untilAllDone } from '../contender.ts';
import { openSwitchyard, type SwitchyardArena } from '../contenders/switchyard.ts';
import { brief } from '../figures.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import { PLAIN_INPUT } from '../payload.ts';
import type { WebhookPlan } from '../programs/webhook-target.ts';
import { queryOnce } from '../query-once.ts';
import { runLoad } from '../run-load.ts';
import { openServers } from '../servers.ts';
import { startProgram } from '../start-program.ts';
import { forgetCosts, readCosts, type StatementCost } from '../statement-costs.ts';
import { columns } from '../table.ts';
import { untilDelivered } from './webhooks.ts';

const CONNECTIONS = 64;
const TOLD = 20;

type Usages = ReadonlyMap<string, { cpuSeconds: number; rssMib: number }>;

const usagesOf = (pids: ReadonlyMap<string, number | undefined>): Usages =>
  new Map([...pids].map(([name, pid]) => [name, usageOf(pid)]));

const walPlace = async (url: string): Promise<number> => {
  const query = `select pg_current_wal_lsn() - '0/0'::pg_lsn as place`;
  const [row] = await queryOnce<{ place: string }>(url, query);
  return Number(row?.place);
};

type Varz = { readonly in_msgs: number; readonly in_bytes: number };

const readVarz = async (port: number): Promise<Varz> => {
  const answer = await fetch(`http://127.0.0.1:${port}/varz`);
  const varz: Varz = JSON.parse(await answer.text());
  return varz;
};

const perJob = (usages: Usages, before: Usages, jobs: number): Figures => {
  const figures = [...usages].flatMap(([name, { cpuSeconds, rssMib }]): [string, number][] => {
    const spent = cpuSeconds - (before.get(name)?.cpuSeconds ?? 0);
    return [
      [`${name}CpuUs`, (spent * 1_000_000) / jobs],
      [`${name}RssMib`, rssMib],
    ];
  });
  return Object.fromEntries(figures);
};

const tellCosts = (costs: readonly StatementCost[], jobs: number): string => {
  const head = [
    '    statement',
    'calls a job',
    'rows a call',
    'ms a call',
    'µs a job',
    'WAL a job',
  ];
  const rows = costs
    .slice(0, TOLD)
    .map(({ name, calls, rows: count, totalMs, walBytes }) => [
      `    ${name}`,
      brief(calls / jobs),
      brief(count / calls),
      brief(totalMs / calls),
      brief((totalMs * 1_000) / jobs),
      brief(walBytes / jobs),
    ]);
  return columns([head, ...rows]);
};

/** Where webhooks go. */
type Target = { readonly url: string; readonly pid: number; readonly count: () => number };

/** @returns the CPU of the worker, in µs a job, its start included. */
const runJobs = async (arena: SwitchyardArena, jobs: number, target?: Target): Promise<number> => {
  const worker = await arena.startWorker();
  const delivered = target?.count() ?? 0;
  const { origin, path, headers } = await arena.front();
  const webhook = target === undefined ? '' : `,"webhook":"${target.url}"`;
  await runLoad({
    origin,
    method: 'POST',
    paths: [path],
    headers,
    body: `{"input":${PLAIN_INPUT}${webhook}}`,
    connections: CONNECTIONS,
    requests: jobs,
  });
  await untilAllDone(arena, [worker], jobs);
  if (target !== undefined) await untilDelivered(target.count, delivered + jobs);
  const { cpuSeconds } = usageOf(worker.pid);
  await worker.leave();
  return (cpuSeconds * 1_000_000) / jobs;
};

const startTarget = async (parts: AsyncDisposableStack): Promise<Target> => {
  const port = await freePort();
  const plan: WebhookPlan = { port };
  const program = parts.use(startProgram('webhook-target', plan));
  await program.ready;
  return { url: `http://127.0.0.1:${port}/hook`, pid: program.pid, count: program.count };
};

const read = async (bench: Bench, hasWebhooks: boolean): Promise<Figures> => {
  const jobs = bench.isQuick ? 1_000 : 50_000;
  const monitorPort = await freePort();
  await using parts = new AsyncDisposableStack();
  const target = hasWebhooks ? await startTarget(parts) : undefined;
  await using servers = openServers(
    { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.max': 1_000 },
    { monitorPort },
  );
  await using arena = await openSwitchyard(servers);
  const { processes } = arena.switchyard;
  // Code that runs often enough becomes faster; that is not what a job costs.
  await runJobs(arena, Math.ceil(jobs / 5), target);
  const pids = new Map<string, number | undefined>([
    ...processes.map((one): [string, number | undefined] => [one.name, one.pid()]),
    ['postgres', (await servers.postgres()).pid],
    ['nats', (await servers.nats()).pid],
    ...(target === undefined ? [] : [['target', target.pid] as const]),
  ]);
  await forgetCosts(arena.databaseUrl);
  const [before, wal, varz] = [
    usagesOf(pids),
    await walPlace(arena.databaseUrl),
    await readVarz(monitorPort),
  ];
  const workerCpuUs = await runJobs(arena, jobs, target);
  const after = usagesOf(pids);
  const walAfter = await walPlace(arena.databaseUrl);
  const varzAfter = await readVarz(monitorPort);
  const costs = await readCosts(arena.databaseUrl);
  console.log(tellCosts(costs, jobs));
  return {
    ...perJob(after, before, jobs),
    workerCpuUs,
    statements: costs.reduce((sum, { calls }) => sum + calls, 0) / jobs,
    walBytes: (walAfter - wal) / jobs,
    messages: (varzAfter.in_msgs - varz.in_msgs) / jobs,
    messageBytes: (varzAfter.in_bytes - varz.in_bytes) / jobs,
  };
};

export const COST: Measure = {
  name: 'cost',
  about: 'what each job costs: CPU µs of each process, memory, statements, WAL bytes, messages',
  run: (bench) =>
    bench.compare('cost', [
      { name: 'a job', read: () => read(bench, false) },
      { name: 'a job with a webhook', read: () => read(bench, true) },
    ]),
};
