import { type Contender, untilAllDone } from '../contender.ts';
import type { Bench, Figures, Measure } from '../measure.ts';

const read = async (bench: Bench, contender: Contender): Promise<Figures> => {
  const jobs = bench.isQuick ? 3_000 : 100_000;
  await using arena = await contender.open(bench.servers);
  await arena.fill(jobs);
  const worker = await arena.startWorker();
  await untilAllDone(arena, [worker], jobs);
  return { jobsPerSecond: (jobs * 1_000) / (performance.now() - worker.beganMs) };
};

export const DRAIN: Measure = {
  name: 'drain',
  about: '100,000 waiting jobs until all are terminal, the worker in its own process',
  run: (bench) =>
    bench.compare(
      'drain',
      bench.contenders.map((one) => ({ name: one.name, read: () => read(bench, one) })),
    ),
};
