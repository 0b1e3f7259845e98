import { setTimeout as pause } from 'node:timers/promises';
import type { EndpointId } from '@switchyard/contracts';
import { createKeyedBatcher, type Log } from '@switchyard/runtime';
import {
  type DeliveryTry,
  isPassing,
  recordDeliveryTries,
  type Store,
  StoreUnavailable,
} from '@switchyard/store';

const BATCH_MAX_TRIES = 100;
/** How long an outcome waits for others, so that they are one commit, in ms. */
const GATHER_MS = 15;
const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 1_000;

export interface Recorder {
  /**
   * Writes down how a try ended; while the database is away, again and again until `abandon`
   * aborts. Its caller bounds how many wait. The statement takes a repeat for what it is.
   */
  record(endpointId: EndpointId, ending: DeliveryTry): Promise<void>;
  /** Whether an outcome could not be written yet. */
  isBehind(): boolean;
}

/** Keeps known outcomes until they are written, so that they do not turn into unknown ones. */
export const createRecorder = (
  { store, log }: { readonly store: Store; readonly log: Log },
  abandon: AbortSignal,
): Recorder => {
  let behind = 0;
  const batches = createKeyedBatcher<EndpointId, DeliveryTry, void>({
    run: async (endpointId, endings) => {
      const recorded = await recordDeliveryTries(store, endpointId, endings);
      // One whose job was retried at that moment is found by the second look; others are no more.
      if (recorded < endings.length) await recordDeliveryTries(store, endpointId, endings);
      return endings.map(() => undefined);
    },
    maxItems: BATCH_MAX_TRIES,
    keyOf: ({ deliveryId }) => deliveryId,
    // The senders are few, and each waits for its own.
    queueMax: Number.POSITIVE_INFINITY,
    isPermanent: (error) => !isPassing(error),
  });

  let gathering: Promise<void> | undefined;
  const gather = (): Promise<void> => {
    gathering ??= pause(GATHER_MS).then(() => {
      gathering = undefined;
    });
    return gathering;
  };

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
    record: async (endpointId, ending) => {
      const write = () => batches.add(endpointId, ending);
      await gather();
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
