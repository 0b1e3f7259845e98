import { ENDPOINT, openSwitchyard } from '../contenders/switchyard.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import { PLAIN_INPUT } from '../payload.ts';
import { postJobs } from '../run-load.ts';

const IN_FLIGHT = [1, 16, 64] as const;

const read = async (bench: Bench, connections: number): Promise<Figures> => {
  await using arena = await openSwitchyard(bench.servers);
  await arena.startWorker();
  const front = { ...(await arena.front()), path: `/v2/${ENDPOINT}/runsync` };
  const plan = {
    connections,
    warmUp: connections * (bench.isQuick ? 2 : 50),
    durationMs: bench.isQuick ? 500 : 5_000,
  };
  const { perSecond, p50Ms, p99Ms } = await postJobs(front, PLAIN_INPUT, plan);
  return { p50Ms, p99Ms, answersPerSecond: perSecond };
};

export const RUNSYNC: Measure = {
  name: 'runsync',
  about: 'the round trip of a job that does nothing, with 1, 16 and 64 in flight',
  run: (bench) =>
    bench.compare(
      'runsync',
      IN_FLIGHT.map((count) => ({ name: `${count} in flight`, read: () => read(bench, count) })),
    ),
};
