import type { InstanceId } from '@switchyard/contracts';
import { CRASH_ERROR_MAX, type CrashLoop, type Store, tellCrashLoops } from '@switchyard/store';
import { cleanLine } from '../clean-line.ts';

export type CrashContext = {
  readonly store: Store;
  readonly instance: InstanceId;
  readonly processes: { crashLoops(): readonly CrashLoop[] };
};

/**
 * Stores which endpoints' workers fail again and again here, where that changed: a job that waits
 * for them says so. Whether it still holds is told by this supervisor's beat.
 */
export const createCrashTeller = ({ store, instance, processes }: CrashContext) => {
  let told = '[]';
  return async (): Promise<void> => {
    const loops = processes
      .crashLoops()
      .map((loop) => ({ ...loop, lastError: cleanLine(loop.lastError, CRASH_ERROR_MAX) }));
    const now = JSON.stringify(loops);
    if (now === told) return;
    await tellCrashLoops(store, instance, loops);
    told = now;
  };
};
