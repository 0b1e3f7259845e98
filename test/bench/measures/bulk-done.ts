import { BULK_WARM_UP, type Contender, untilAllDone } from '../contender.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import { nowUs } from '../payload.ts';

const read = async (bench: Bench, contender: Contender): Promise<Figures> => {
  const jobs = bench.isQuick ? 3_000 : 50_000;
  await using arena = await contender.open(bench.servers);
  const worker = await arena.startWorker();
  const submitting = await arena.submitBulk(jobs);
  const { startedUs } = await submitting.reported;
  await untilAllDone(arena, [worker], jobs + BULK_WARM_UP);
  return { jobsPerSecond: (jobs * 1_000_000) / (nowUs() - startedUs) };
};

export const BULK_DONE: Measure = {
  name: 'bulk-done',
  about: '50,000 jobs submitted in bulk while a worker runs them, until all are terminal',
  run: (bench) =>
    bench.compare(
      'bulk-done',
      bench.contenders.map((one) => ({ name: one.name, read: () => read(bench, one) })),
    ),
};
