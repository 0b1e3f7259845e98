import { type Contender, untilAllDone } from '../contender.ts';
import { drainByStatements } from '../contenders/drain-by-statements.ts';
import { SWITCHYARD } from '../contenders/switchyard.ts';
import type { Bench, Figures, Measure, Subject } from '../measure.ts';

const jobsOf = (bench: Bench): number => (bench.isQuick ? 3_000 : 100_000);

const read = async (bench: Bench, contender: Contender): Promise<Figures> => {
  const jobs = jobsOf(bench);
  await using arena = await contender.open(bench.servers);
  await arena.fill(jobs);
  const worker = await arena.startWorker();
  await untilAllDone(arena, [worker], jobs);
  return { jobsPerSecond: (jobs * 1_000) / (performance.now() - worker.beganMs) };
};

/** What bounds ours, whatever stands around its statements. */
const statementsAlone = (bench: Bench): Subject => ({
  name: 'switchyard statements',
  read: async () => ({ jobsPerSecond: await drainByStatements(bench.servers, jobsOf(bench)) }),
});

export const DRAIN: Measure = {
  name: 'drain',
  about: '100,000 waiting jobs until all are terminal, the worker in its own process',
  run: (bench) =>
    bench.compare(
      'drain',
      bench.contenders.flatMap((one) => [
        { name: one.name, read: () => read(bench, one) },
        ...(one === SWITCHYARD ? [statementsAlone(bench)] : []),
      ]),
    ),
};
