import type { EndpointId } from '@switchyard/contracts';
import { createKeyedBatcher } from '@switchyard/runtime';
import {
  readIdempotencyKeys,
  type Store,
  StoreUnavailable,
  type SubmissionSource,
} from '@switchyard/store';

export interface RepeatFinder {
  /**
   * Those of `keys` that stand for a job already: storing such a one again adds none, so that it
   * needs no room in the queue. @throws Refusal `service.overloaded`; StoreUnavailable.
   */
  find(
    endpointId: EndpointId,
    source: SubmissionSource,
    keys: readonly string[],
  ): Promise<ReadonlySet<string>>;
}

const BATCH_MAX_KEYS = 1_000;
/** More than all groups of all bulks may ask for at once, of 255 bytes each. */
const WAITING_MAX_KEYS = 20_000;

/** Keys of one endpoint that are asked for together become one statement. */
export const createRepeatFinder = (store: Store): RepeatFinder => {
  const batchers = {
    http: createBatcherOf(store, 'http'),
    broker: createBatcherOf(store, 'broker'),
  };
  return {
    find: async (endpointId, source, keys) => {
      const known = await Promise.all(keys.map((key) => batchers[source].add(endpointId, key)));
      return new Set(keys.filter((_, place) => known[place]));
    },
  };
};

const createBatcherOf = (store: Store, source: SubmissionSource) =>
  createKeyedBatcher<EndpointId, string, boolean>({
    run: async (endpointId, keys) => {
      const held = await readIdempotencyKeys(store, endpointId, source, keys);
      return keys.map((key) => held.has(key));
    },
    maxItems: BATCH_MAX_KEYS,
    queueMax: WAITING_MAX_KEYS,
    isPermanent: (error) => !(error instanceof StoreUnavailable),
  });
