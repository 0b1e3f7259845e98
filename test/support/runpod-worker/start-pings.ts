import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { WorkerConfig } from './config.ts';

export type Pings = {
  pid: number | undefined;
  /** What the next pings list. */
  list(jobIds: string[]): void;
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void;
};

const start = (config: WorkerConfig): ChildProcess => {
  const program = fileURLToPath(new URL('./pings.ts', import.meta.url));
  const child = fork(program, [], {
    // The id is passed on because it is made up here when the environment names none.
    env: { ...process.env, RUNPOD_POD_ID: config.workerId },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  // Only the loops keep the worker alive. A message to a child that has died is of no interest.
  child.on('error', () => undefined);
  child.unref();
  child.channel?.unref();
  return child;
};

/** Starts the pings in a process of their own, at once and then each interval. */
export const startPings = (config: WorkerConfig): Pings => {
  const child = config.pingUrl === undefined ? undefined : start(config);
  return {
    pid: child?.pid,
    list(jobIds) {
      if (child?.connected) child.send(jobIds, () => undefined);
    },
    signal: (name) => {
      child?.kill(name);
    },
  };
};
