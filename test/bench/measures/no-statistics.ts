import { untilAllDone } from '../contender.ts';
import { fillJobs } from '../contenders/fill-jobs.ts';
import { ENDPOINT, openSwitchyard } from '../contenders/switchyard.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import { queryOnce } from '../query-once.ts';
import { openServers } from '../servers.ts';

const read = async (bench: Bench, areGathered: boolean): Promise<Figures> => {
  const jobs = bench.isQuick ? 2_000 : 100_000;
  // Autovacuum would gather them.
  await using servers = openServers({ autovacuum: 'off' });
  await using arena = await openSwitchyard(servers);
  await fillJobs(arena.databaseUrl, ENDPOINT, jobs);
  if (areGathered) await queryOnce(arena.databaseUrl, 'analyze');
  const worker = await arena.startWorker();
  await untilAllDone(arena, [worker], jobs);
  return { jobsPerSecond: (jobs * 1_000) / (performance.now() - worker.beganMs) };
};

export const NO_STATISTICS: Measure = {
  name: 'no-statistics',
  about: 'a drain of 100,000 on a new database, with statistics and without any',
  run: (bench) =>
    bench.compare('no-statistics', [
      { name: 'gathered', read: () => read(bench, true) },
      { name: 'never gathered', read: () => read(bench, false) },
    ]),
};
