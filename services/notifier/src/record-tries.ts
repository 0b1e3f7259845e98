import { setTimeout as pause } from 'node:timers/promises';
import type { EndpointId } from '@switchyard/contracts';
import type { Log } from '@switchyard/runtime';
import {
  type DeliveryTry,
  recordDeliveryTry,
  type StartedDelivery,
  type Store,
  StoreUnavailable,
} from '@switchyard/store';

const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 1_000;

export interface Recorder {
  /**
   * Writes down how a try ended; while the database is away, again and again until `abandon`
   * aborts. Its caller bounds how many wait. The statement takes a repeat for what it is.
   */
  record(endpointId: EndpointId, delivery: StartedDelivery, ending: DeliveryTry): Promise<void>;
  /** Whether an outcome could not be written yet. */
  isBehind(): boolean;
}

/** Keeps known outcomes until they are written, so that they do not turn into unknown ones. */
export const createRecorder = (
  { store, log }: { readonly store: Store; readonly log: Log },
  abandon: AbortSignal,
): Recorder => {
  let behind = 0;

  const repeat = async (write: () => Promise<void>): Promise<void> => {
    behind += 1;
    try {
      for (let waitMs = PAUSE_MIN_MS; ; waitMs = Math.min(waitMs * 2, PAUSE_MAX_MS)) {
        await pause(waitMs, undefined, { signal: abandon });
        if (await isWritten(write)) return;
      }
    } finally {
      behind -= 1;
    }
  };

  return {
    record: async (endpointId, { deliveryId, n }, ending) => {
      const write = () => recordDeliveryTry(store, endpointId, deliveryId, n, ending);
      if (await isWritten(write)) return;
      if (behind === 0) log.warn({}, 'Outcomes of webhooks wait for the database');
      await repeat(write);
    },
    isBehind: () => behind > 0,
  };
};

/** Whether `write` worked; false while the database is away. */
const isWritten = async (write: () => Promise<void>): Promise<boolean> => {
  try {
    await write();
    return true;
  } catch (error) {
    if (error instanceof StoreUnavailable) return false;
    throw error;
  }
};
