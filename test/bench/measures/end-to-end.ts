import { type Contender, untilAllDone } from '../contender.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import { nowUs, PLAIN_INPUT } from '../payload.ts';
import { postJobs } from '../run-load.ts';

const CONNECTIONS = 64;

type Size = { readonly jobs: number; readonly warmUp: number };

const read = async (
  bench: Bench,
  contender: Contender,
  { jobs, warmUp }: Size,
): Promise<Figures> => {
  await using arena = await contender.open(bench.servers);
  const front = await arena.front();
  const worker = await arena.startWorker();
  await postJobs(front, PLAIN_INPUT, { connections: CONNECTIONS, requests: warmUp });
  await untilAllDone(arena, [worker], warmUp);
  const load = await postJobs(front, PLAIN_INPUT, { connections: CONNECTIONS, requests: jobs });
  await untilAllDone(arena, [worker], warmUp + jobs);
  const seconds = (nowUs() - load.startedUs) / 1_000_000;
  return { jobsPerSecond: jobs / seconds, acceptsPerSecond: load.perSecond };
};

/** Jobs over HTTP until the store says that all are terminal. */
export const readEndToEnd = (bench: Bench, contender: Contender): Promise<Figures> =>
  read(bench, contender, {
    jobs: bench.isQuick ? 1_000 : 20_000,
    // Code that runs often becomes faster; every contender's is as it would be in use.
    warmUp: bench.isQuick ? 200 : 20_000,
  });

export const END_TO_END: Measure = {
  name: 'end-to-end',
  about: '20,000 jobs over HTTP until the store says that all are terminal',
  run: (bench) =>
    bench.compare(
      'end-to-end',
      bench.contenders.map((one) => ({
        name: one.name,
        read: () => readEndToEnd(bench, one),
      })),
    ),
};

/** For CI: whether a change has made it much slower than it was. */
export const GUARD: Measure = {
  name: 'guard',
  about: '5,000 jobs over HTTP until the store says that all are terminal',
  run: (bench) =>
    bench.compare(
      'guard',
      bench.contenders
        .filter(({ name }) => name === 'switchyard' || name === 'reference')
        .map((one) => ({
          name: one.name,
          read: () => read(bench, one, { jobs: 5_000, warmUp: 2_000 }),
        })),
    ),
};
