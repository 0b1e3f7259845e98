import { setTimeout as pause } from 'node:timers/promises';
import type { Health } from '@switchyard/contracts';
import { churn } from '../churn.ts';
import { untilAllDone } from '../contender.ts';
import { fillJobs } from '../contenders/fill-jobs.ts';
import { measureClaims } from '../contenders/measure-claims.ts';
import {
  ENDPOINT,
  NEIGHBOUR,
  openSwitchyard,
  type SwitchyardArena,
} from '../contenders/switchyard.ts';
import { quantile } from '../figures.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import { STAMPED_INPUT } from '../payload.ts';
import { queryOnce } from '../query-once.ts';
import { postJobs, runLoad } from '../run-load.ts';

const FULL = [1_000, 100_000, 1_000_000] as const;
const QUICK = [500, 5_000] as const;
const PER_SECOND = 50;
const CONNECTIONS = 16;
const WARM_UP = 50;
const READERS = 4;

/** How soon a new job starts while the others wait in the same tables at another endpoint. */
const readStarts = async (bench: Bench, arena: SwitchyardArena): Promise<Figures> => {
  const worker = await arena.startWorker({ isStamped: true });
  const requests = WARM_UP + (bench.isQuick ? 50 : 400);
  const plan = { connections: CONNECTIONS, requests, perSecond: PER_SECOND };
  await postJobs(await arena.front(), STAMPED_INPUT, plan);
  await untilAllDone(arena, [worker], requests);
  const latenciesMs = (await worker.startLatenciesMs()).slice(WARM_UP);
  await worker.leave();
  return { startP50Ms: quantile(latenciesMs, 0.5), startP99Ms: quantile(latenciesMs, 0.99) };
};

/** How soon a worker with one slot has the next of the waiting jobs. */
const readTurnarounds = async (bench: Bench, arena: SwitchyardArena): Promise<Figures> => {
  const settings = { endpoint: NEIGHBOUR, concurrency: 1, isStamped: true };
  const worker = await arena.startWorker(settings);
  await churn(arena, worker, { endpoint: NEIGHBOUR, jobs: bench.isQuick ? 50 : 500 });
  const startsUs = await worker.startsUs();
  await worker.leave();
  const gapsMs = startsUs.slice(1).map((us, n) => (us - (startsUs[n] ?? us)) / 1_000);
  return { turnaroundP50Ms: quantile(gapsMs, 0.5), turnaroundP99Ms: quantile(gapsMs, 0.99) };
};

const readDrain = async (bench: Bench, arena: SwitchyardArena): Promise<Figures> => {
  const worker = await arena.startWorker({ endpoint: NEIGHBOUR });
  const jobs = bench.isQuick ? 500 : 20_000;
  const drainPerSecond = await churn(arena, worker, { endpoint: NEIGHBOUR, jobs });
  await worker.leave();
  return { drainPerSecond };
};

/** `/health` of the endpoint where jobs wait, and `/status` of some of them. */
const readReads = async (bench: Bench, arena: SwitchyardArena): Promise<Figures> => {
  const { origin, headers } = await arena.front();
  const ids = (await arena.call(`GET /v2/${NEIGHBOUR}/requests?limit=200&status=IN_QUEUE`)).text;
  const statuses = [...ids.matchAll(/"id":"([^"]+)"/g)].map(([, id]) => id ?? '');
  const plan = {
    origin,
    headers,
    method: 'GET',
    connections: READERS,
    warmUp: bench.isQuick ? 20 : 500,
    requests: bench.isQuick ? 100 : 5_000,
  } as const;
  const health = await runLoad({ ...plan, paths: [`/v2/${NEIGHBOUR}/health`] });
  const paths = statuses.map((id) => `/v2/${NEIGHBOUR}/status/${id}`);
  const status = await runLoad({ ...plan, paths });
  return { healthP99Ms: health.p99Ms, statusP99Ms: status.p99Ms };
};

/** Queues what is missing of `waiting` jobs: a worker that leaves has taken some more. */
const topUp = async (arena: SwitchyardArena, waiting: number): Promise<void> => {
  const { text } = await arena.call(`GET /v2/${NEIGHBOUR}/health`);
  const { jobs }: Health = JSON.parse(text);
  await fillJobs(arena.databaseUrl, NEIGHBOUR, Math.max(0, waiting - jobs.inQueue));
};

const RELAYED_MAX_MS = 180_000;
const LOOK_AGAIN_MS = 250;

const isRelayed = async (databaseUrl: string): Promise<boolean> => {
  const query = `select not exists (select from events, cursors
    where (events.txid, events.id) > (cursors.txid, cursors.id)) as yes`;
  const [row] = await queryOnce<{ yes: boolean }>(databaseUrl, query);
  return row?.yes === true;
};

/**
 * What the relay, and Postgres by itself, do in the minutes after a million rows were written: what
 * is compared is jobs that wait, not how they came.
 */
const tidyUp = async (databaseUrl: string): Promise<void> => {
  const untilMs = performance.now() + RELAYED_MAX_MS;
  while (!(await isRelayed(databaseUrl))) {
    if (performance.now() > untilMs) throw new Error('the events of the backlog are not relayed');
    await pause(LOOK_AGAIN_MS);
  }
  await queryOnce(databaseUrl, 'vacuum');
  await queryOnce(databaseUrl, 'checkpoint');
};

const read = async (bench: Bench, waiting: number): Promise<Figures> => {
  await using arena = await openSwitchyard(bench.servers);
  await topUp(arena, waiting);
  await tidyUp(arena.databaseUrl);
  const starts = await readStarts(bench, arena);
  const reads = await readReads(bench, arena);
  const turnarounds = await readTurnarounds(bench, arena);
  await topUp(arena, waiting);
  const drain = await readDrain(bench, arena);
  await topUp(arena, waiting);
  await tidyUp(arena.databaseUrl);
  // The services would take back what the bench claims for itself.
  await Promise.all(arena.switchyard.processes.map((one) => one.end('SIGTERM')));
  const claims = await measureClaims(arena.databaseUrl, NEIGHBOUR, bench.isQuick);
  return { ...starts, ...turnarounds, ...drain, ...claims, ...reads };
};

export const BACKLOG: Measure = {
  name: 'backlog',
  about: `starts, turnaround of one slot, drain, claims and reads of ${ENDPOINT} while jobs wait`,
  run: (bench) =>
    bench.compare(
      'backlog',
      (bench.isQuick ? QUICK : FULL).map((waiting) => ({
        name: `${waiting.toLocaleString('en-US')} waiting`,
        read: () => read(bench, waiting),
      })),
    ),
};
