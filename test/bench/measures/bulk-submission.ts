import type { Contender } from '../contender.ts';
import type { Bench, Figures, Measure } from '../measure.ts';

const read = async (bench: Bench, contender: Contender): Promise<Figures> => {
  const jobs = bench.isQuick ? 3_000 : 100_000;
  await using arena = await contender.open(bench.servers);
  const submitting = await arena.submitBulk(jobs);
  const { seconds } = await submitting.reported;
  return { jobsPerSecond: jobs / seconds };
};

export const BULK_SUBMISSION: Measure = {
  name: 'bulk-submission',
  about: '100,000 jobs stored in bulk, nothing runs them',
  run: (bench) =>
    bench.compare(
      'bulk-submission',
      bench.contenders.map((one) => ({ name: one.name, read: () => read(bench, one) })),
    ),
};
