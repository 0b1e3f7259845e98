import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 500;

/**
 * Calls `orphaned` once the npm that started this process is gone. `npm start` does not pass on a
 * kill -9, and a shell may stand between: what is watched is the parent and the parent's parent.
 */
export const watchParent = (orphaned: () => void): (() => void) => {
  const parent = process.ppid;
  const grandparent = parentOf(parent);
  const timer = setInterval(() => {
    if (process.ppid === parent && parentOf(parent) === grandparent) return;
    clearInterval(timer);
    orphaned();
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
};

/** The parent of a process; undefined where the system does not tell through /proc. */
const parentOf = (pid: number): number | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; the fields behind it are numbers.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
};
