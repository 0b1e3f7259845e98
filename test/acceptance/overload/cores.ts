import { execFileSync } from 'node:child_process';
import os from 'node:os';

/** The cores that the generator and the system are held to, where they are held apart. */
export const GENERATOR_CORE = 0;
export const SYSTEM_CORE = 1;

/** Holds this process, and what it starts from now on, to `core`. @throws Error if it cannot. */
export const holdTo = (core: number): void => {
  if (os.availableParallelism() < 2 && core > 0) throw new Error('this needs two cores');
  execFileSync('taskset', ['-a', '-p', '-c', String(core), String(process.pid)]);
};

/** Lets this process run everywhere again. */
export const letGo = (): void => {
  const last = os.cpus().length - 1;
  execFileSync('taskset', ['-a', '-p', '-c', `0-${last}`, String(process.pid)]);
};
