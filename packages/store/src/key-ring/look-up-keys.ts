import { setTimeout as pause } from 'node:timers/promises';
import type { Store } from '../open-store.ts';
import { readKeys, type StoredKey } from '../statements/read-keys.ts';

/** One look at a key, shared by all who ask for it meanwhile. */
export type KeyLook = {
  /** When it was asked for, on the monotonic clock. */
  readonly askedMs: number;
  /** Undefined for a key that opens nothing. Rejects with StoreUnavailable. */
  readonly found: Promise<StoredKey | undefined>;
};

export type KeyLooks = {
  /** Looks at the key of this id; undefined when too many wait for a look already. */
  readonly ask: (keyId: string) => KeyLook | undefined;
  /** Whoever asks from now on gets a new look, and what one under way finds is not told. */
  readonly forget: (keyId: string) => void;
};

/** Told of each key that a look found, or did not, by a statement that began at `atMs`. */
type Learn = (keyId: string, stored: StoredKey | undefined, atMs: number) => void;

/** Keys of one statement. */
const LOOK_MAX_KEYS = 1_000;
const WAITING_MAX_KEYS = 10_000;

type Asked = KeyLook & {
  readonly keyId: string;
  readonly resolve: (found: StoredKey | undefined) => void;
  readonly reject: (error: unknown) => void;
};

/** Looks keys up, one statement at a time for all that wait, and no two within `apartMs`. */
export const createKeyLooks = (store: Store, apartMs: number, learn: Learn): KeyLooks => {
  const asked = new Map<string, Asked>();
  let waiting: Asked[] = [];
  let isLooking = false;

  /** Ends what is known of a look. @returns whether it is still the newest of its key. */
  const close = (look: Asked): boolean =>
    asked.get(look.keyId) === look && asked.delete(look.keyId);

  const lookAt = async (looks: readonly Asked[], atMs: number): Promise<void> => {
    try {
      const keyIds = looks.map(({ keyId }) => keyId);
      const found = await readKeys(store, keyIds);
      for (const look of looks) {
        const stored = found.get(look.keyId);
        if (close(look)) learn(look.keyId, stored, atMs);
        look.resolve(stored);
      }
    } catch (error) {
      for (const look of looks) {
        close(look);
        look.reject(error);
      }
    }
  };

  const lookAtAll = async (): Promise<void> => {
    isLooking = true;
    while (waiting.length > 0) {
      const atMs = performance.now();
      const looks = waiting.slice(0, LOOK_MAX_KEYS);
      waiting = waiting.slice(LOOK_MAX_KEYS);
      await lookAt(looks, atMs);
      const restMs = atMs + apartMs - performance.now();
      if (restMs > 0) await pause(restMs);
    }
    isLooking = false;
  };

  return {
    ask: (keyId) => {
      const shared = asked.get(keyId);
      if (shared !== undefined) return shared;
      if (waiting.length >= WAITING_MAX_KEYS) return undefined;
      const { promise: found, ...ends } = Promise.withResolvers<StoredKey | undefined>();
      // Those who asked may have been answered without it.
      found.catch(() => undefined);
      const look = { keyId, askedMs: performance.now(), found, ...ends };
      asked.set(keyId, look);
      waiting.push(look);
      if (!isLooking) void lookAtAll();
      return look;
    },
    forget: (keyId) => {
      asked.delete(keyId);
    },
  };
};
