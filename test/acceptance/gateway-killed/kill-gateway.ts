import { setTimeout as pause } from 'node:timers/promises';
import { gatewayPidOf } from '../../support/gateway-pid.ts';
import type { GatewayLoad } from './open-gateway-load.ts';

const READY_WAIT_MS = 60_000;
const LOOK_AGAIN_MS = 5;
/** A new child lives at most so long once it serves, so that kills meet it in all it does. */
const LIVES_MAX_MS = 1_500;
/** Every so many kills meet a child that has only begun to start. */
const EARLY_EVERY = 5;
const KEEPER_LIVES_MS = 3_000;

/** Kills the HTTP process again and again for `forMs`. @returns when, in ms since 1970. */
export const killChild = async ({ switchyard }: GatewayLoad, forMs: number): Promise<number[]> => {
  const untilMs = performance.now() + forMs;
  const supervisor = switchyard.process('supervisor');
  const atMs: number[] = [];
  let last: number | undefined;
  while (performance.now() < untilMs) {
    const pid = await untilNext(() => gatewayPidOf(supervisor), last);
    if (atMs.length % EARLY_EVERY !== EARLY_EVERY - 1) {
      await untilReady(supervisor.url);
      await pause(Math.random() * LIVES_MAX_MS);
    }
    atMs.push(Date.now());
    process.kill(pid, 'SIGKILL');
    last = pid;
  }
  await untilNext(() => gatewayPidOf(supervisor), last);
  await untilReady(supervisor.url);
  return atMs;
};

/** A process id that is not `last`. @throws Error when none comes. */
const untilNext = async (
  read: () => number | undefined,
  last: number | undefined,
): Promise<number> => {
  const untilMs = performance.now() + READY_WAIT_MS;
  while (performance.now() < untilMs) {
    const pid = read();
    if (pid !== undefined && pid !== last) return pid;
    await pause(LOOK_AGAIN_MS);
  }
  throw new Error('the keeper started no HTTP process');
};

const untilReady = async (url: string): Promise<void> => {
  const untilMs = performance.now() + READY_WAIT_MS;
  while (performance.now() < untilMs) {
    const signal = AbortSignal.timeout(2_000);
    const isReady = await fetch(`${url}/readyz`, { signal }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    await pause(LOOK_AGAIN_MS);
  }
  throw new Error('the gateway did not become ready');
};

/** Kills the keeper, and starts it again at once, as a service manager does. @returns when. */
export const killKeeper = async ({ switchyard }: GatewayLoad, kills: number): Promise<number[]> => {
  const supervisor = switchyard.process('supervisor');
  const atMs: number[] = [];
  while (atMs.length < kills) {
    await pause(KEEPER_LIVES_MS);
    atMs.push(Date.now());
    await supervisor.end('SIGKILL');
    await supervisor.start();
  }
  await pause(KEEPER_LIVES_MS);
  return atMs;
};
