import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { SERVICES, ServiceName } from '../../support/start-switchyard.ts';
import { treeOf, usageOf } from '../load/read-processes.ts';
import { SYSTEM_CORE } from './cores.ts';
import type { Overload } from './open-overload.ts';

/** The system at a moment, and the second before it. */
export type Sample = {
  readonly atMs: number;
  /** Of each service with all processes below it. */
  readonly rssMib: Readonly<Record<ServiceName, number>>;
  /** Jobs in the queue of the busy endpoint; undefined when nobody answered. */
  readonly waiting: number | undefined;
  /** What the rest of the machine used since the sample before, in CPU seconds. */
  readonly foreignCpuSeconds: number;
  /** What was used of SYSTEM_CORE since the sample before, by whomever, as a part of the time. */
  readonly systemCoreBusy: number;
};

export type Sampler = AsyncDisposable & { readonly samples: readonly Sample[] };

const EVERY_MS = 1_000;
const TICKS_PER_SECOND = 100;
/** Of a line of /proc/stat: idle and iowait are not work, guest is in user already. */
const BUSY_FIELDS = [0, 1, 2, 5, 6, 7];

/** Samples until it is disposed. */
export const sampleSystem = ({ switchyard, reader }: Overload): Sampler => {
  const samples: Sample[] = [];
  const rssOf = (name: ServiceName): number => usageOf(switchyard.process(name).pid()).rssMib;
  let isOver = false;
  const sampling = async (): Promise<void> => {
    let before = readCpu();
    while (!isOver) {
      await pause(EVERY_MS);
      const now = readCpu();
      const rssMib = {
        intake: rssOf('intake'),
        scheduler: rssOf('scheduler'),
        supervisor: rssOf('supervisor'),
        notifier: rssOf('notifier'),
      } satisfies Record<(typeof SERVICES)[number], number>;
      const waiting = (await reader.health())?.jobs.inQueue;
      const foreignCpuSeconds = foreignBetween(before, now);
      const systemCoreBusy = (now.coreSeconds - before.coreSeconds) / (now.atS - before.atS);
      samples.push({ atMs: Date.now(), rssMib, waiting, foreignCpuSeconds, systemCoreBusy });
      before = now;
    }
  };
  const samplingOn = sampling();
  return {
    samples,
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      await samplingOn;
    },
  };
};

type Cpu = {
  readonly atS: number;
  readonly busySeconds: number;
  readonly coreSeconds: number;
  readonly own: ReadonlyMap<number, number>;
};

const readCpu = (): Cpu => {
  const lines = readFileSync('/proc/stat', 'utf8').split('\n');
  const busyIn = (name: string): number => {
    const fields = lines
      .find((line) => line.startsWith(`${name} `))
      ?.trim()
      .split(/\s+/)
      .slice(1);
    const ticks = BUSY_FIELDS.reduce((sum, field) => sum + Number(fields?.[field] ?? 0), 0);
    return ticks / TICKS_PER_SECOND;
  };
  const own = treeOf(process.pid).map(({ pid, cpuSeconds }): [number, number] => [pid, cpuSeconds]);
  return {
    atS: performance.now() / 1_000,
    busySeconds: busyIn('cpu'),
    coreSeconds: busyIn(`cpu${SYSTEM_CORE}`),
    own: new Map(own),
  };
};

/** All that was used but for the processes of this program that were there both times. */
const foreignBetween = (from: Cpu, to: Cpu): number => {
  let ours = 0;
  for (const [pid, seconds] of to.own) ours += seconds - (from.own.get(pid) ?? seconds);
  return Math.max(0, to.busySeconds - from.busySeconds - ours);
};
