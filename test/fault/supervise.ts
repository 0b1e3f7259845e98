import { setTimeout as pause } from 'node:timers/promises';
import type { Exit, ServiceProcess } from '../support/start-switchyard.ts';

/** What a service manager does: whatever ends is started again, until the run is over. */
export type Supervision = {
  /** Ends by none but themselves: each other one is by a kill, of ours or at a failpoint. */
  readonly strange: () => readonly string[];
  /** Kills it with -9; it is started again after `holdMs`, and this resolves when it is ready. */
  readonly kill: (process: ServiceProcess, holdMs: number) => Promise<void>;
  /** Starts nothing more. */
  readonly end: () => void;
};

const RESTART_MS = 500;

export const superviseAll = (processes: readonly ServiceProcess[]): Supervision => {
  const strange: string[] = [];
  const killed = new Map<ServiceProcess, number>();
  let isOver = false;

  const isKilled = ({ signal }: Exit): boolean => signal === 'SIGKILL';
  const keep = async (process: ServiceProcess): Promise<void> => {
    for (;;) {
      const exit = await process.exited();
      if (isOver) return;
      if (!isKilled(exit)) {
        strange.push(`${process.name} ended with ${exit.signal ?? exit.code}`);
      }
      await pause(killed.get(process) ?? RESTART_MS);
      killed.delete(process);
      // One that ends before it is ready is met again by the next turn.
      if (!isOver) await process.start().catch(() => undefined);
    }
  };
  for (const process of processes) void keep(process);

  return {
    strange: () => strange,
    kill: async (process, holdMs) => {
      const pid = process.pid();
      if (pid === undefined) return;
      killed.set(process, holdMs);
      // One that is down already is being started again.
      if (!isSent(pid, 'SIGKILL')) killed.delete(process);
      while (killed.has(process)) await pause(20);
      await untilReady(process);
    },
    end: () => {
      isOver = true;
    },
  };
};

const isSent = (pid: number, signal: NodeJS.Signals): boolean => {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
};

const READY_WAIT_MS = 120_000;

/** Waits until it says that it can serve, whoever else is away. */
export const untilReady = async ({ url }: ServiceProcess): Promise<void> => {
  const untilMs = performance.now() + READY_WAIT_MS;
  while (performance.now() < untilMs) {
    const signal = AbortSignal.timeout(2_000);
    const isReady = await fetch(`${url}/readyz`, { signal }).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isReady) return;
    await pause(100);
  }
};
