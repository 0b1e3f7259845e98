import pg from 'pg';
import { untilAllDone } from '../contender.ts';
import { openSwitchyard } from '../contenders/switchyard.ts';
import { quantile } from '../figures.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import { nowUs, PLAIN_INPUT } from '../payload.ts';
import { postJobs } from '../run-load.ts';
import { SAMPLING, sampleStatements } from '../sampled-statements.ts';

const CONNECTIONS = 64;

/** Holds a snapshot of the database, so that no row that dies from now on can be removed. */
const holdSnapshot = async (url: string): Promise<AsyncDisposable> => {
  const client = new pg.Client({ connectionString: url, application_name: 'holder' });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin isolation level repeatable read');
  await client.query('select count(*) from pg_class');
  return { [Symbol.asyncDispose]: () => client.end() };
};

const read = async (bench: Bench, isHeld: boolean): Promise<Figures> => {
  const jobs = bench.isQuick ? 1_000 : 500_000;
  await using arena = await openSwitchyard(bench.servers, { database: SAMPLING });
  const worker = await arena.startWorker();
  await using held = new AsyncDisposableStack();
  if (isHeld) held.use(await holdSnapshot(arena.databaseUrl));
  const samples = await sampleStatements(await bench.servers.postgres());
  const plan = { connections: CONNECTIONS, requests: jobs };
  const { startedUs } = await postJobs(await arena.front(), PLAIN_INPUT, plan);
  await untilAllDone(arena, [worker], jobs);
  const jobsPerSecond = (jobs * 1_000_000) / (nowUs() - startedUs);
  const claimsMs = await samples.durationsMs('claim_jobs');
  return {
    jobsPerSecond,
    claimP50Ms: quantile(claimsMs, 0.5),
    claimP99Ms: quantile(claimsMs, 0.99),
    claims: claimsMs.length,
  };
};

export const HELD_TRANSACTION: Measure = {
  name: 'held-transaction',
  about: '500,000 jobs over HTTP while a transaction stays open on the database, and without',
  run: (bench) =>
    bench.compare('held-transaction', [
      { name: 'no transaction held', read: () => read(bench, false) },
      { name: 'transaction held', read: () => read(bench, true) },
    ]),
};
