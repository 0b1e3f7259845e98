import { Room } from './batch/room.ts';
import { type Batcher, type BatcherOptions, type BatcherStats, createBatcher } from './batch.ts';

/** As a batcher's; `lanes`, `queueMax` and `queueMaxBytes` hold for each key by itself. */
export type KeyedBatcherOptions<Key extends string, Item, Result> = Omit<
  BatcherOptions<Item, Result>,
  'run' | 'sharedRoom' | 'onIdle'
> & {
  readonly run: (key: Key, items: readonly Item[]) => Promise<readonly Result[]>;
  /** How many items may wait over all keys; four times `queueMax` unless said. */
  readonly totalMax?: number;
  /** How many bytes may wait over all keys; four times `queueMaxBytes` unless said. */
  readonly totalMaxBytes?: number;
  /** Called whenever the last batch of `key` has landed and nothing of it waits. */
  readonly onIdle?: (key: Key) => void;
};

export type KeyedBatcher<Key extends string, Item, Result> = {
  /** As a batcher's `add`, in a batch that holds items of `key` only. */
  readonly add: (key: Key, item: Item) => Promise<Result>;
  /** Resolves once nothing waits or flies under any key. */
  readonly idle: () => Promise<void>;
  /** Over all keys; `keys` counts those that have something waiting or under way. */
  readonly stats: () => BatcherStats & { readonly keys: number };
};

const NOTHING: BatcherStats = {
  waiting: 0,
  waitingBytes: 0,
  flying: 0,
  flights: 0,
  runs: 0,
  landed: 0,
  refused: 0,
};

/**
 * One group commit for each key, such as an endpoint, because a hot statement names one of them.
 * A batcher is made when its key is first used and dropped when it has nothing left to do.
 */
export const createKeyedBatcher = <Key extends string, Item, Result>(
  options: KeyedBatcherOptions<Key, Item, Result>,
): KeyedBatcher<Key, Item, Result> => {
  const { run, totalMax, totalMaxBytes, onIdle, ...each } = options;
  const allBytes = each.queueMaxBytes === undefined ? undefined : each.queueMaxBytes * 4;
  const sharedRoom = new Room(totalMax ?? each.queueMax * 4, totalMaxBytes ?? allBytes);
  const batchers = new Map<Key, Batcher<Item, Result>>();
  let dropped = NOTHING;

  const drop = (key: Key, batcher: Batcher<Item, Result>): void => {
    batchers.delete(key);
    dropped = sum(dropped, batcher.stats());
  };

  const addFirst = (key: Key, item: Item): Promise<Result> => {
    const batcher: Batcher<Item, Result> = createBatcher({
      ...each,
      run: (items) => run(key, items),
      sharedRoom,
      onIdle: () => {
        drop(key, batcher);
        onIdle?.(key);
      },
    });
    batchers.set(key, batcher);
    const result = batcher.add(item);
    // Refused for want of shared room: no batch will ever land to say that it is idle.
    if (batcher.stats().waiting === 0) drop(key, batcher);
    return result;
  };

  return {
    add: (key, item) => batchers.get(key)?.add(item) ?? addFirst(key, item),
    idle: async () => {
      while (batchers.size > 0) await Promise.all([...batchers.values()].map(({ idle }) => idle()));
    },
    stats: () => ({
      ...[...batchers.values()].map(({ stats }) => stats()).reduce(sum, dropped),
      keys: batchers.size,
    }),
  };
};

const sum = (one: BatcherStats, other: BatcherStats): BatcherStats => ({
  waiting: one.waiting + other.waiting,
  waitingBytes: one.waitingBytes + other.waitingBytes,
  flying: one.flying + other.flying,
  flights: one.flights + other.flights,
  runs: one.runs + other.runs,
  landed: one.landed + other.landed,
  refused: one.refused + other.refused,
});
