import { usageOf } from '../../acceptance/load/read-processes.ts';
import type { ServiceProcess } from '../../support/start-switchyard.ts';
import { type Front, untilAllDone } from '../contender.ts';
import { openSwitchyard, type SwitchyardArena } from '../contenders/switchyard.ts';
import type { Bench, Figures, Measure } from '../measure.ts';
import { nowUs, PLAIN_INPUT } from '../payload.ts';
import { postJobs } from '../run-load.ts';

/** Of each of two load generators and two workers, however many processes they talk to. */
const CONNECTIONS = 32;
const SLOTS = 250;
const DOUBLED = ['intake', 'supervisor'] as const;

type Doubled = (typeof DOUBLED)[number];

/** CPU seconds so far, summed over the processes of each service. */
const cpuOf = (pids: readonly (readonly [string, number | undefined])[]): Map<string, number> => {
  const sums = new Map<string, number>();
  for (const [service, pid] of pids) {
    sums.set(service, (sums.get(service) ?? 0) + usageOf(pid).cpuSeconds);
  }
  return sums;
};

/** One process more of each of `doubled`, started. */
const startMore = async (
  { switchyard }: SwitchyardArena,
  doubled: readonly Doubled[],
): Promise<ReadonlyMap<Doubled, ServiceProcess>> => {
  const made = new Map<Doubled, ServiceProcess>();
  for (const service of doubled) {
    const process = await switchyard.another(service, `${service}-2`);
    await process.start();
    made.set(service, process);
  }
  return made;
};

const read = async (bench: Bench, doubled: readonly Doubled[]): Promise<Figures> => {
  const jobs = bench.isQuick ? 1_000 : 20_000;
  await using arena = await openSwitchyard(bench.servers);
  const more = await startMore(arena, doubled);
  const front = await arena.front();
  const fronts: readonly Front[] = [
    front,
    { ...front, origin: more.get('intake')?.url ?? front.origin },
  ];
  const gateways = [arena.switchyard.gatewayUrl, more.get('supervisor')?.url];
  const workers = await Promise.all(
    gateways.map((gatewayUrl) =>
      arena.startWorker({ concurrency: SLOTS, ...(gatewayUrl && { gatewayUrl }) }),
    ),
  );
  let done = 0;
  const run = async (): Promise<number> => {
    const loads = fronts.map((one) =>
      postJobs(one, PLAIN_INPUT, { connections: CONNECTIONS, requests: jobs / fronts.length }),
    );
    const startedUs = Math.min(...(await Promise.all(loads)).map((load) => load.startedUs));
    done += jobs;
    await untilAllDone(arena, workers, done);
    return (nowUs() - startedUs) / 1_000_000;
  };
  await run();
  const pids = [
    ...arena.switchyard.processes.map(
      ({ name, pid }) => [name.replace(/-\d+$/, ''), pid()] as const,
    ),
    ['postgres', (await bench.servers.postgres()).pid] as const,
    ['nats', (await bench.servers.nats()).pid] as const,
    ...workers.map(({ pid }) => ['worker', pid] as const),
  ];
  const before = cpuOf(pids);
  const seconds = await run();
  const spent = [...cpuOf(pids)].map(([service, cpuSeconds]): [string, number] => [
    `${service}CpuUs`,
    ((cpuSeconds - (before.get(service) ?? 0)) * 1_000_000) / jobs,
  ]);
  return {
    jobsPerSecond: jobs / seconds,
    allCpuUs: spent.reduce((sum, [, us]) => sum + us, 0),
    ...Object.fromEntries(spent),
  };
};

export const MORE_PROCESSES: Measure = {
  name: 'more-processes',
  about: '20,000 jobs end to end with a second intake, a second supervisor, both: jobs/s, CPU µs',
  run: (bench) =>
    bench.compare('more-processes', [
      { name: 'one of each', read: () => read(bench, []) },
      { name: 'two intakes', read: () => read(bench, ['intake']) },
      { name: 'two supervisors', read: () => read(bench, ['supervisor']) },
      { name: 'two of both', read: () => read(bench, DOUBLED) },
    ]),
};
