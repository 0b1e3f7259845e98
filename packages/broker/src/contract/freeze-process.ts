import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Stops a process as SIGSTOP does, and resolves when it has stopped: the signal alone leaves its
 * threads a moment in which they still answer.
 */
export const freezeProcess = async (pid: number): Promise<void> => {
  process.kill(pid, 'SIGSTOP');
  for (;;) {
    const { stdout } = await run('ps', ['-o', 'stat=', '-p', String(pid)]);
    if (stdout.startsWith('T')) return;
    await pause(2);
  }
};
