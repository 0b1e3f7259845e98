import { readFile } from 'node:fs/promises';
import { untilAllDone } from '../contender.ts';
import { openSwitchyard, type SwitchyardArena } from '../contenders/switchyard.ts';
import { INSPECTED, type Inspector, openInspectors } from '../inspect-process.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import { PLAIN_INPUT } from '../payload.ts';
import { postJobs } from '../run-load.ts';

const CONNECTIONS = 64;
const KIB_PER_MB = 1_000_000 / 1_024;
const COLLECTIONS = 3;

/** Resident memory once nothing is left to collect, in MB. */
const readRss = async (inspector: Inspector): Promise<number> => {
  for (let n = 0; n < COLLECTIONS; n += 1) await inspector.call('HeapProfiler.collectGarbage');
  const status = await readFile(`/proc/${inspector.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / KIB_PER_MB;
};

const readAll = async (inspectors: readonly Inspector[]): Promise<Map<string, number>> => {
  const found = new Map<string, number>();
  for (const one of inspectors) found.set(one.name, await readRss(one));
  return found;
};

const run = async (arena: SwitchyardArena, jobs: number): Promise<void> => {
  const worker = await arena.startWorker();
  const plan = { connections: CONNECTIONS, requests: jobs };
  await postJobs(await arena.front(), PLAIN_INPUT, plan);
  await untilAllDone(arena, [worker], jobs);
  await worker.leave();
};

/** `supervisor HTTP` → `supervisorHttp`. */
const asFigure = (name: string): string =>
  name.replace(
    / (\w)(\w*)/g,
    (_, first: string, rest: string) => first.toUpperCase() + rest.toLowerCase(),
  );

const read = async (bench: Bench): Promise<Figures> => {
  const half = bench.isQuick ? 1_000 : 500_000;
  await using arena = await openSwitchyard(bench.servers, { env: INSPECTED });
  using opened = new DisposableStack();
  const inspectors = (await openInspectors(arena.switchyard)).map((one) => opened.use(one));
  await run(arena, half);
  const before = await readAll(inspectors);
  await run(arena, half);
  const after = await readAll(inspectors);
  const figures = [...after].flatMap(([name, rss]): [string, number][] => [
    [`${asFigure(name)}GrowthMb`, rss - (before.get(name) ?? Number.NaN)],
    [`${asFigure(name)}RssMb`, rss],
  ]);
  return Object.fromEntries(figures);
};

export const MEMORY_GROWTH: Measure = {
  name: 'memory-growth',
  about: 'memory of each service after collection: growth over the second half of a million jobs',
  run: (bench) => bench.compare('memory-growth', [{ name: 'switchyard', read: () => read(bench) }]),
};
