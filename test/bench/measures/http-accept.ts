import type { Contender } from '../contender.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import { PLAIN_INPUT } from '../payload.ts';
import { postJobs } from '../run-load.ts';

const MANY = 64;

const read = async (bench: Bench, contender: Contender): Promise<Figures> => {
  await using arena = await contender.open(bench.servers);
  const front = await arena.front();
  const warmUp = bench.isQuick ? 200 : 5_000;
  const durationMs = bench.isQuick ? 500 : 4_000;
  const many = await postJobs(front, PLAIN_INPUT, { connections: MANY, warmUp, durationMs });
  const one = await postJobs(front, PLAIN_INPUT, { connections: 1, warmUp: 20, durationMs });
  return {
    acceptsPerSecond: many.perSecond,
    p50Ms: many.p50Ms,
    p99Ms: many.p99Ms,
    oneConnectionP50Ms: one.p50Ms,
    oneConnectionP99Ms: one.p99Ms,
  };
};

export const HTTP_ACCEPT: Measure = {
  name: 'http-accept',
  about: 'jobs accepted over HTTP, 64 connections and 1, nothing runs them',
  run: (bench) =>
    bench.compare(
      'http-accept',
      bench.contenders.map((one) => ({ name: one.name, read: () => read(bench, one) })),
    ),
};
