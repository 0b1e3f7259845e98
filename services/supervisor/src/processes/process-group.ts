import { hasRunningMember } from './identify-process.ts';
import { systemCode } from './system-code.ts';

/** Sends `signal` to every process of the group `pgid`; a group that is gone is fine. */
export const signalGroup = (pgid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pgid, signal);
  } catch (error) {
    // EPERM: what is left of it belongs to another user, so it is none of ours any more.
    if (systemCode(error) !== 'ESRCH' && systemCode(error) !== 'EPERM') throw error;
  }
};

/**
 * Whether some process of the group runs. Zombies do not count: in a container whose first process
 * waits for nobody they stay for ever.
 */
export const isGroupThere = (pgid: number): boolean => {
  try {
    process.kill(-pgid, 0);
  } catch {
    return false;
  }
  return process.platform !== 'linux' || hasRunningMember(pgid);
};
