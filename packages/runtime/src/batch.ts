import { refuse } from '@switchyard/contracts';
import { Room } from './batch/room.ts';

export { Room };

/**
 * Group commit: fly one batch, collect the next. There is no timer to collect by: the first item
 * flies as soon as the event loop has read what else came in with it, and while a batch is under
 * way the next one grows. A slow database so makes large batches; an idle one lets nothing wait.
 */
export type BatcherOptions<Item, Result> = {
  /**
   * Does the work of one batch and gives one result for each item, in their order. When it rejects
   * for a permanent reason, nothing of the batch may be done: it is called again with halves.
   */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly maxItems: number;
  /** Bounds a batch by the sum of `sizeOf`; a larger item flies alone. */
  readonly maxBytes?: number;
  /** Bytes of an item; `maxBytes` and `queueMaxBytes` mean nothing without it. */
  readonly sizeOf?: (item: Item) => number;
  /**
   * Two items of one key never fly at the same time, not even in two lanes: the second waits until
   * the first has landed, then goes before everything younger. Items without a key are free.
   */
  readonly keyOf?: (item: Item) => string | undefined;
  /** How many batches may be under way at once; 1 unless said. */
  readonly lanes?: number;
  /** How many items may wait; those under way do not count. */
  readonly queueMax: number;
  /** How many bytes may wait. */
  readonly queueMaxBytes?: number;
  /** How long an item may wait, about; beyond it it is dropped. Those under way have to land. */
  readonly patience?: { readonly waitMaxMs: number; readonly gaveUp: () => Error };
  /** Whether the same batch would fail again, a row of it being at fault. */
  readonly isPermanent: (error: unknown) => boolean;
  /** A bound on what waits in several batchers together. */
  readonly sharedRoom?: Room;
  /** Called whenever the last batch has landed and nothing waits. */
  readonly onIdle?: () => void;
};

export type BatcherStats = {
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Items under way. */
  readonly flying: number;
  /** Batches under way. */
  readonly flights: number;
  /** Since the start: calls of `run`, items that landed, and items refused for want of room. */
  readonly runs: number;
  readonly landed: number;
  readonly refused: number;
};

export type Batcher<Item, Result> = {
  /**
   * Resolves to the item's own result. Items fly in the order of their `add`, but for those held
   * back by their key. Rejects with the error of `run`: of a transient failure for every item of
   * the batch, of a permanent one only for the items that fail alone as well; with the Refusal
   * `service.overloaded` when too much waits; and with the error of `patience`.
   */
  readonly add: (item: Item) => Promise<Result>;
  /** Resolves once nothing waits or flies. It does not keep more from being added. */
  readonly idle: () => Promise<void>;
  readonly stats: () => BatcherStats;
};

/** A group commit over `options.run`. */
export const createBatcher = <Item, Result>(
  options: BatcherOptions<Item, Result>,
): Batcher<Item, Result> => new GroupCommit(options);

type Entry<Item, Result> = {
  readonly item: Item;
  readonly bytes: number;
  readonly key: string | undefined;
  /** Where there is patience, when it came. */
  readonly addedAtMs: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

/** How often a wait is looked at, as a part of the longest one. */
const LOOKS = 10;

class GroupCommit<Item, Result> implements Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  readonly #lanes: number;
  readonly #maxBytes: number;
  readonly #rooms: readonly [Room, ...Room[]];
  #queue: Entry<Item, Result>[] = [];
  /** For each key that waits or flies: those held back by it, where there are any. */
  readonly #held = new Map<string, Entry<Item, Result>[] | undefined>();
  #takeOffIsDue = false;
  #isWatched = false;
  #flying = 0;
  #flights = 0;
  #runs = 0;
  #landed = 0;
  #refused = 0;
  #idlers: (() => void)[] = [];

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
    this.#lanes = options.lanes ?? 1;
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    const own = new Room(options.queueMax, options.queueMaxBytes);
    this.#rooms = options.sharedRoom === undefined ? [own] : [own, options.sharedRoom];
  }

  add = (item: Item): Promise<Result> => {
    const bytes = this.#options.sizeOf?.(item) ?? 0;
    for (const room of this.#rooms) {
      if (!room.fits(bytes)) return this.#refuse();
    }
    return new Promise((resolve, reject) => {
      const key = this.#options.keyOf?.(item);
      for (const room of this.#rooms) room.enter(bytes);
      const addedAtMs = this.#options.patience === undefined ? 0 : performance.now();
      this.#queueUp({ item, bytes, key, addedAtMs, resolve, reject });
      this.#watch();
    });
  };

  idle = (): Promise<void> =>
    this.#isIdle() ? Promise.resolve() : new Promise((resolve) => this.#idlers.push(resolve));

  stats = (): BatcherStats => ({
    waiting: this.#rooms[0].items,
    waitingBytes: this.#rooms[0].bytes,
    flying: this.#flying,
    flights: this.#flights,
    runs: this.#runs,
    landed: this.#landed,
    refused: this.#refused,
  });

  #isIdle(): boolean {
    return this.#flights === 0 && this.#rooms[0].items === 0;
  }

  #refuse(): Promise<never> {
    this.#refused += 1;
    const detail = 'Too much is waiting here already; try again in a moment.';
    return Promise.reject(refuse('service.overloaded', detail, { retryAfterSeconds: 1 }));
  }

  #queueUp(entry: Entry<Item, Result>): void {
    const { key } = entry;
    if (key !== undefined) {
      if (this.#held.has(key)) {
        const line = this.#held.get(key);
        if (line === undefined) this.#held.set(key, [entry]);
        else line.push(entry);
        return;
      }
      this.#held.set(key, undefined);
    }
    this.#queue.push(entry);
    if (!this.#takeOffIsDue && this.#flights < this.#lanes) {
      this.#takeOffIsDue = true;
      setImmediate(this.#takeOff);
    }
  }

  readonly #takeOff = (): void => {
    this.#takeOffIsDue = false;
    while (this.#flights < this.#lanes && this.#queue.length > 0) void this.#fly(this.#collect());
  };

  #watch(): void {
    const { patience } = this.#options;
    if (patience === undefined || this.#isWatched || this.#rooms[0].items === 0) return;
    this.#isWatched = true;
    setTimeout(() => {
      this.#isWatched = false;
      this.#giveUp(patience.gaveUp, performance.now() - patience.waitMaxMs);
      this.#watch();
    }, patience.waitMaxMs / LOOKS);
  }

  /** Drops what waits since before `sinceMs`. */
  #giveUp(gaveUp: () => Error, sinceMs: number): void {
    const isPatient = (entry: Entry<Item, Result>): boolean => {
      if (entry.addedAtMs > sinceMs) return true;
      for (const room of this.#rooms) room.leave(1, entry.bytes);
      entry.reject(gaveUp());
      return false;
    };
    for (const [key, line] of this.#held) this.#held.set(key, line?.filter(isPatient));
    const before = this.#queue;
    this.#queue = before.filter(isPatient);
    if (this.#queue.length === before.length) return;
    const kept = new Set(this.#queue);
    this.#callHeldBack(before.filter((entry) => !kept.has(entry)));
    this.#tellIdle();
  }

  #collect(): Entry<Item, Result>[] {
    let count = 0;
    let bytes = 0;
    for (const entry of this.#queue) {
      const isFull = count === this.#options.maxItems || bytes + entry.bytes > this.#maxBytes;
      if (isFull && count > 0) break;
      count += 1;
      bytes += entry.bytes;
    }
    for (const room of this.#rooms) room.leave(count, bytes);
    if (count < this.#queue.length) return this.#queue.splice(0, count);
    const all = this.#queue;
    this.#queue = [];
    return all;
  }

  async #fly(batch: readonly Entry<Item, Result>[]): Promise<void> {
    this.#flights += 1;
    this.#flying += batch.length;
    await this.#runOrHalve(batch);
    this.#flights -= 1;
    this.#flying -= batch.length;
    this.#landed += batch.length;
    if (this.#held.size > 0) this.#callHeldBack(batch);
    this.#takeOff();
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (!this.#isIdle()) return;
    this.#options.onIdle?.();
    for (const resolve of this.#idlers.splice(0)) resolve();
  }

  /** Never rejects: each entry hears its own result or error. */
  async #runOrHalve(batch: readonly Entry<Item, Result>[]): Promise<void> {
    this.#runs += 1;
    let results: readonly Result[];
    try {
      results = await this.#options.run(batch.map(({ item }) => item));
    } catch (error) {
      if (batch.length === 1 || !this.#options.isPermanent(error)) {
        for (const entry of batch) entry.reject(error);
        return;
      }
      const middle = Math.ceil(batch.length / 2);
      await this.#runOrHalve(batch.slice(0, middle));
      await this.#runOrHalve(batch.slice(middle));
      return;
    }
    if (results.length !== batch.length) {
      // A defect of `run`, which may have done its work: to try again could do it twice.
      const defect = new Error(`A batch of ${batch.length} gave ${results.length} results.`);
      for (const entry of batch) entry.reject(defect);
      return;
    }
    // The lengths are equal, so that what an index gives is a result, even an undefined one.
    for (const [at, entry] of batch.entries()) entry.resolve(results[at] as Result);
  }

  /** Those whose key has landed are older than whatever waits, so they go to the front. */
  #callHeldBack(batch: readonly Entry<Item, Result>[]): void {
    const called: Entry<Item, Result>[] = [];
    for (const { key } of batch) {
      if (key === undefined) continue;
      const next = this.#held.get(key)?.shift();
      if (next === undefined) this.#held.delete(key);
      else called.push(next);
    }
    if (called.length > 0) this.#queue = [...called, ...this.#queue];
  }
}
