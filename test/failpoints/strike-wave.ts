import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { FailpointMode } from '@switchyard/runtime';
import pg from 'pg';
import type { Ground } from '../fault/ground.ts';
import { type Supervision, untilReady } from '../fault/supervise.ts';

export type Wave = { readonly mode: FailpointMode; readonly points: readonly string[] };

/** How each point of a wave was met, by its name: undefined where nothing passed it. */
export type Struck = ReadonlyMap<string, number | undefined>;

/** What has to go wrong before anything passes a point. */
const COMPANIONS: Readonly<Record<string, readonly string[]>> = {
  // Intake reads back what it accepted only when it has not heard of the commit.
  'store.read_stored_jobs': ['store.accept_jobs=lost@*', 'store.accept_keyed_jobs=lost@*'],
};

const WAVE_MAX_MS = 180_000;
/** Nothing more strikes that has not in such a time. */
const STILL_MAX_MS = 60_000;
const RESTART_MS = 200;
/** What crashes is started again by that; a point of the start of another one is not passed. */
const RESTART_AFTER_MS: Readonly<Record<FailpointMode, number>> = {
  'crash-before': 20_000,
  'crash-after': 20_000,
  error: 0,
  lost: 0,
  delay: 0,
};
const LOOK_AGAIN_MS = 100;
const DELAY_MS = 1_000;

/** Arms the points of a wave, waits until each was passed or time is over, and disarms them. */
export const strikeWave = async (
  ground: Ground,
  supervision: Supervision,
  armedPath: string,
  { mode, points }: Wave,
): Promise<Struck> => {
  const struck = new Map<string, number | undefined>(points.map((point) => [point, undefined]));
  const look = watchHits(`${armedPath}.hits`, mode, struck);
  rmSync(`${armedPath}.hits`, { force: true });
  await forgetSealCheck(ground.databaseUrl);
  const arms = points.map((point) => `${point}=${mode}${mode === 'delay' ? `:${DELAY_MS}` : ''}`);
  const companions = points.flatMap((point) => COMPANIONS[point] ?? []);
  writeFileSync(armedPath, [...arms, ...companions].join('\n'));
  let restarting: Promise<void> | undefined;
  for (const begunMs = performance.now(); ; await pause(LOOK_AGAIN_MS)) {
    const { isOver, stillMs } = look();
    const tookMs = performance.now() - begunMs;
    if (isOver || tookMs > WAVE_MAX_MS || stillMs > STILL_MAX_MS) break;
    // What is passed only at a start is passed when each service was started once.
    if (tookMs > RESTART_AFTER_MS[mode]) restarting ??= restartAll(ground, supervision);
  }
  writeFileSync(armedPath, '');
  await restarting;
  for (const process of ground.switchyard.processes) await untilReady(process);
  return struck;
};

/** Notes in `struck` when each point was hit; tells since when nothing more was. */
const watchHits = (file: string, mode: FailpointMode, struck: Map<string, number | undefined>) => {
  const begunMs = performance.now();
  let lastMs = begunMs;
  return () => {
    const hits = new Set(readText(file).split('\n'));
    const fresh = [...struck].filter(
      ([point, ms]) => ms === undefined && hits.has(`${point}=${mode}`),
    );
    for (const [point] of fresh) struck.set(point, performance.now() - begunMs);
    if (fresh.length > 0) lastMs = performance.now();
    const isOver = [...struck.values()].every((ms) => ms !== undefined);
    return { isOver, stillMs: performance.now() - lastMs };
  };
};

const restartAll = async ({ switchyard }: Ground, supervision: Supervision): Promise<void> => {
  await Promise.all(switchyard.processes.map((process) => supervision.kill(process, RESTART_MS)));
};

/** It is written by the first start of all on a database. */
const forgetSealCheck = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('delete from seal_check').finally(() => client.end());
};

const readText = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};
