import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';

const EXIT_ON_SIGNAL = import.meta.resolve('./exit-on-signal.ts');

/** Runs a program of this repository on this terminal. @returns its exit code, or 128 and more. */
export const runProgram = async (file: string, args: readonly string[]): Promise<number> => {
  const command = ['--import', EXIT_ON_SIGNAL, file, ...args];
  const child = spawn(process.execPath, command, { stdio: 'inherit' });
  // A terminal sends its interrupt to the program as well: it decides, and this process waits.
  const hold = (): void => undefined;
  const forward = (): void => void child.kill('SIGTERM');
  process.on('SIGINT', hold).on('SIGTERM', forward).on('exit', forward);
  await once(child, 'close');
  process.off('SIGINT', hold).off('SIGTERM', forward).off('exit', forward);
  return child.exitCode ?? 128 + constants.signals[child.signalCode ?? 'SIGKILL'];
};
