import { untilAllDone } from '../contender.ts';
import { ENDPOINT, openSwitchyard } from '../contenders/switchyard.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import { PLAIN_INPUT } from '../payload.ts';
import { postJobs, runLoad } from '../run-load.ts';

const CONNECTIONS = 64;

const read = async (bench: Bench, areDone: boolean): Promise<Figures> => {
  const jobs = bench.isQuick ? 200 : 5_000;
  await using arena = await openSwitchyard(bench.servers);
  const front = await arena.front();
  const posting = { connections: CONNECTIONS, requests: jobs, keepIds: true };
  const { ids } = await postJobs(front, PLAIN_INPUT, posting);
  if (areDone) await untilAllDone(arena, [await arena.startWorker()], jobs);
  const { perSecond, p50Ms, p99Ms } = await runLoad({
    origin: front.origin,
    headers: front.headers,
    method: 'GET',
    paths: ids.map((id) => `/v2/${ENDPOINT}/status/${id}`),
    connections: CONNECTIONS,
    warmUp: bench.isQuick ? 100 : 5_000,
    durationMs: bench.isQuick ? 500 : 4_000,
  });
  return { readsPerSecond: perSecond, p50Ms, p99Ms };
};

export const STATUS_READS: Measure = {
  name: 'status-reads',
  about: 'GET /status on 64 connections, of jobs that are done and of jobs that wait',
  run: (bench) =>
    bench.compare('status-reads', [
      { name: 'done', read: () => read(bench, true) },
      { name: 'waiting', read: () => read(bench, false) },
    ]),
};
