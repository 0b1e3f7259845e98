import { churn } from '../churn.ts';
import { ENDPOINT, openSwitchyard } from '../contenders/switchyard.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import { openServers } from '../servers.ts';

const read = async (bench: Bench, autovacuum: 'on' | 'off'): Promise<Figures> => {
  await using servers = openServers({ autovacuum });
  await using arena = await openSwitchyard(servers);
  await arena.fill(2_000);
  const worker = await arena.startWorker();
  const jobs = bench.isQuick ? 1_000 : 200_000;
  return { jobsPerSecond: await churn(arena, worker, { endpoint: ENDPOINT, jobs }) };
};

export const NO_AUTOVACUUM: Measure = {
  name: 'no-autovacuum',
  about: '200,000 jobs through a queue of 2,000, with autovacuum and without',
  run: (bench) =>
    bench.compare('no-autovacuum', [
      { name: 'autovacuum on', read: () => read(bench, 'on') },
      { name: 'autovacuum off', read: () => read(bench, 'off') },
    ]),
};
