import { setTimeout as pause } from 'node:timers/promises';
import type { TestBroker } from '../../support/brokers.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { SERVICES, type Switchyard } from '../../support/start-switchyard.ts';
import type { JobReader } from '../load/read-jobs.ts';

/** One thing that is killed with -9 and started again. */
export type Fault = {
  readonly name: string;
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
};

export type Recovery = {
  readonly name: string;
  /** From being asked to start until it said that it is ready. */
  readonly readyMs: number;
  /** From being asked to start until a job more was completed; undefined: none in time. */
  readonly completedMs: number | undefined;
};

const DOWN_MS = { shortest: 1_000, longest: 2_000 } as const;
const SETTLE_MS = 2_000;
const LOOK_AGAIN_MS = 20;

/** The four services, the database with all its processes, and the broker. */
export const faultsOf = (
  switchyard: Switchyard,
  postgres: TestPostgres,
  broker: TestBroker,
): Fault[] => [
  ...SERVICES.map((name) => {
    const service = switchyard.process(name);
    return { name, kill: () => service.end('SIGKILL'), start: service.start };
  }),
  { name: 'postgres', kill: postgres.kill, start: postgres.start },
  { name: 'broker', kill: broker.kill, start: broker.start },
];

/** Kills, waits one to two seconds, starts again and waits for the next job that is completed. */
export const strike = async (
  fault: Fault,
  reader: JobReader,
  recoveryMaxMs: number,
): Promise<Recovery> => {
  await fault.kill();
  await pause(DOWN_MS.shortest + Math.random() * (DOWN_MS.longest - DOWN_MS.shortest));
  const startedMs = performance.now();
  // What the first answer counts may have been completed while it was away.
  const next = untilOneMore(reader, recoveryMaxMs);
  await fault.start();
  const readyMs = performance.now() - startedMs;
  const completedAtMs = await next;
  await pause(SETTLE_MS);
  const completedMs = completedAtMs === undefined ? undefined : completedAtMs - startedMs;
  return { name: fault.name, readyMs, completedMs };
};

/** When a job more was completed than the first answer of `/health` tells. */
const untilOneMore = async (
  reader: JobReader,
  recoveryMaxMs: number,
): Promise<number | undefined> => {
  const untilMs = performance.now() + recoveryMaxMs;
  let first: number | undefined;
  while (performance.now() < untilMs) {
    const completed = (await reader.health())?.jobs.completed;
    first ??= completed;
    if (completed !== undefined && first !== undefined && completed > first) {
      return performance.now();
    }
    await pause(LOOK_AGAIN_MS);
  }
  return undefined;
};
