import { untilAllDone } from '../contender.ts';
import { ENDPOINT, openSwitchyard } from '../contenders/switchyard.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import type { RunpodPlan } from '../programs/runpod-drain.ts';
import { startProgram } from '../start-program.ts';

const CONCURRENCY = [1, 64] as const;

const read = async (bench: Bench, concurrency: number): Promise<Figures> => {
  const jobs = (bench.isQuick ? 100 : 2_000) * (concurrency > 1 ? 5 : 1);
  await using arena = await openSwitchyard(bench.servers);
  await arena.fill(jobs);
  const plan: RunpodPlan = {
    gatewayUrl: arena.switchyard.gatewayUrl,
    endpoint: ENDPOINT,
    token: arena.workerToken,
    workerId: 'runpod-1',
    concurrency,
  };
  await using worker = startProgram('runpod-drain', plan);
  const beganMs = await worker.began;
  await untilAllDone(arena, [worker], jobs);
  return { jobsPerSecond: (jobs * 1_000) / (performance.now() - beganMs) };
};

export const RUNPOD_WORKER: Measure = {
  name: 'runpod-worker',
  about: 'waiting jobs through one worker that speaks RunPod’s protocol',
  run: (bench) =>
    bench.compare(
      'runpod-worker',
      CONCURRENCY.map((count) => ({ name: `${count} at once`, read: () => read(bench, count) })),
    ),
};
