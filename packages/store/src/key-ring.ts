import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { EndpointId, Problem, Scope } from '@switchyard/contracts';
import type { Store } from './open-store.ts';
import { readKey } from './statements/read-key.ts';

/** Who asks, and what they may do. */
export type Principal = {
  readonly keyId: string;
  readonly scopes: ReadonlySet<Scope>;
  /** Null: all endpoints. */
  readonly endpoints: ReadonlySet<EndpointId> | null;
};

export type KeyCheck =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly problem: Problem };

export interface KeyRing {
  /**
   * Who the `Authorization` header stands for: `Bearer KEY` or the bare key, as RunPod's packages
   * send it. What was read from the database holds for CACHE_MS.
   * @throws StoreUnavailable when the key is not known yet and the database is away.
   */
  check(authorization: string | undefined): Promise<KeyCheck>;
  /** What `check` would resolve to, where it need not ask the database; undefined where it must. */
  known(authorization: string | undefined): KeyCheck | undefined;
  /** Drops what is remembered of a key, when it is known to have changed. */
  forget(keyId: string): void;
}

/** A revoked key stops opening doors within this time, in ms. */
const CACHE_MS = 900;
/** While the database is away a key that was good goes on being good for this long, in ms. */
const STALE_MAX_MS = 300_000;
const CACHE_MAX_KEYS = 10_000;
const KEY = /^sy_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
const HEADER_MAX_CHARACTERS = 1_024;
const PRESENTED_MAX = 1_000;

/** A new key: 256 random bits behind an id that finds its row. Only its hash is to be stored. */
export const newKey = (): { keyId: string; key: string; hash: Buffer } => {
  const keyId = randomBytes(8).toString('hex');
  const key = `sy_${keyId}_${randomBytes(32).toString('base64url')}`;
  return { keyId, key, hash: hashOf(key) };
};

const hashOf = (key: string): Buffer => hash('sha256', key, 'buffer');

type Remembered = {
  readonly hash: Buffer;
  /** Made once, because each request asks; undefined for a key that opens nothing. */
  readonly opens: KeyCheck | undefined;
  readonly atMs: number;
};

/** What a header presents. `keyId` is there where a key of ours may be. */
type Presented = { readonly hash: Buffer; readonly keyId: string | undefined };

/** The answer, or what it takes to ask the database for it. */
type LookedUp =
  | { readonly known: KeyCheck }
  | {
      readonly known?: undefined;
      readonly keyId: string;
      readonly given: Buffer;
      readonly before: Remembered | undefined;
    };

/**
 * @param bootstrapKey the operator's key from the configuration: it may do everything and is in no
 * table.
 */
export const createKeyRing = (store: Store, bootstrapKey: string | undefined): KeyRing => {
  const remembered = new Map<string, Remembered>();
  // Clients come again and again, and a hash is a tenth of a request's work. That a header is found
  // here tells nothing of a key, since only who sent all of it finds it.
  const presented = new Map<string, Presented>();
  const bootstrapHash = bootstrapKey === undefined ? undefined : hashOf(bootstrapKey);

  const readAnew = async (keyId: string, before: Remembered | undefined): Promise<Remembered> => {
    // Counted from before the look, which may see the key as it was until then.
    const askedMs = performance.now();
    try {
      const stored = await readKey(store, keyId);
      const found: Remembered = {
        hash: stored?.hash ?? Buffer.alloc(32),
        opens: stored && {
          ok: true,
          principal: {
            keyId,
            scopes: new Set(stored.scopes),
            endpoints: stored.endpoints && new Set(stored.endpoints),
          },
        },
        atMs: askedMs,
      };
      if (remembered.size >= CACHE_MAX_KEYS) remembered.clear();
      remembered.set(keyId, found);
      return found;
    } catch (error) {
      if (before !== undefined && performance.now() - before.atMs < STALE_MAX_MS) return before;
      throw error;
    }
  };

  const present = (authorization: string | undefined): Presented | undefined => {
    if (authorization === undefined || authorization.length > HEADER_MAX_CHARACTERS)
      return undefined;
    const before = presented.get(authorization);
    if (before !== undefined) return before;
    const key = authorization.replace(/^bearer /i, '').trim();
    if (key === '') return undefined;
    const now = { hash: hashOf(key), keyId: KEY.exec(key)?.[1] };
    if (presented.size >= PRESENTED_MAX) presented.clear();
    presented.set(authorization, now);
    return now;
  };

  const lookUp = (authorization: string | undefined): LookedUp => {
    const shown = present(authorization);
    if (shown === undefined) return { known: MISSING };
    const { hash: given, keyId } = shown;
    if (bootstrapHash !== undefined && timingSafeEqual(given, bootstrapHash)) return BOOTSTRAP;
    if (keyId === undefined) return { known: INVALID };
    const found = remembered.get(keyId);
    const isFresh = found !== undefined && performance.now() - found.atMs < CACHE_MS;
    return isFresh ? { known: judge(found, given) } : { keyId, given, before: found };
  };

  return {
    check: async (authorization) => {
      const found = lookUp(authorization);
      if (found.known !== undefined) return found.known;
      return judge(await readAnew(found.keyId, found.before), found.given);
    },
    known: (authorization) => lookUp(authorization).known,
    forget: (keyId) => {
      remembered.delete(keyId);
    },
  };
};

const BOOTSTRAP: LookedUp = {
  known: {
    ok: true,
    principal: {
      keyId: 'bootstrap',
      scopes: new Set<Scope>(['submit', 'read', 'admin', 'worker']),
      endpoints: null,
    },
  },
};

const MISSING: KeyCheck = {
  ok: false,
  problem: { code: 'auth.missing', detail: 'Send an API key in the Authorization header.' },
};
const INVALID: KeyCheck = {
  ok: false,
  problem: { code: 'auth.invalid', detail: 'The API key is unknown, expired or revoked.' },
};

const judge = (found: Remembered, given: Buffer): KeyCheck =>
  found.opens !== undefined && timingSafeEqual(given, found.hash) ? found.opens : INVALID;

/** Whether a principal may use an endpoint at all; when not, the endpoint does not exist for it. */
export const mayUse = (principal: Principal, endpointId: EndpointId): boolean =>
  principal.endpoints === null || principal.endpoints.has(endpointId);
