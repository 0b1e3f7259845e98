/** A supervised worker must not outlive its supervisor, not even one that was killed with -9. */
import type { Log } from './log.ts';

const LOOK_EVERY_MS = 1_000;

/**
 * Ends this process within about a second of the end of `parentPid`.
 * @returns what ends the watch.
 */
export const endWithParent = (parentPid: number, log: Log): (() => void) => {
  const firstParent = process.ppid;
  const look = () => {
    if (process.ppid === firstParent && isAlive(parentPid)) return;
    log.error('The supervisor is gone: the worker ends with it.', { parentPid });
    process.exit(1);
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  return () => clearInterval(timer);
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process is there and belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};
