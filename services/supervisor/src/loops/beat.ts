import type { InstanceId } from '@switchyard/contracts';
import { beatSupervisor, type Store } from '@switchyard/store';

/** Signs of life that were stored longer ago than this, in ms, do not show who is silent. */
const STORED_LATELY_MS = 3_000;

export type Beat = {
  /** Notes that all signs of life that were due are stored. */
  noteStored(): void;
  beat(): Promise<void>;
};

/**
 * Says that this supervisor lives, but only while it stores the signs of life of its workers: they
 * count as silent from the last one that was stored, and are forgiven a gap in the beat.
 */
export const createBeat = (store: Store, instance: InstanceId, host: string): Beat => {
  let storedAtMs = performance.now();
  return {
    noteStored: () => {
      storedAtMs = performance.now();
    },
    beat: async () => {
      if (performance.now() - storedAtMs > STORED_LATELY_MS) return;
      await beatSupervisor(store, instance, host, process.pid);
    },
  };
};
