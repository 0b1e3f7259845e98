import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { EndpointId, Problem, Scope } from '@switchyard/contracts';
import { createKeyLooks, type KeyLook } from './key-ring/look-up-keys.ts';
import type { Store } from './open-store.ts';
import type { StoredKey } from './statements/read-keys.ts';

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
   * send it. What was read from the database holds for CACHE_MS, and while the database does not
   * answer for STALE_MAX_MS. Keys that are not known yet share one look, LOOKS_APART_MS after the
   * last one. @throws StoreUnavailable when the key is not known yet and the database is away.
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
/** A key that was good is not waited for any longer than this, in ms. */
const ANSWER_WITHIN_MS = 250;
/**
 * From one look at unknown keys to the next, in ms: anybody may send ids at random, and what is
 * spent on them is taken from submissions.
 */
const LOOKS_APART_MS = 200;
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

/** A key that was good. */
type Remembered = {
  readonly hash: Buffer;
  /** Made once, because each request asks. */
  readonly opens: KeyCheck;
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

  const learn = (keyId: string, stored: StoredKey | undefined, atMs: number): void => {
    if (stored === undefined) remembered.delete(keyId);
    else keep(remembered, keyId, rememberedOf(stored, atMs), CACHE_MAX_KEYS);
  };
  const known = createKeyLooks(store, 0, learn);
  const unknown = createKeyLooks(store, LOOKS_APART_MS, learn);

  const present = (authorization: string | undefined): Presented | undefined => {
    if (authorization === undefined || authorization.length > HEADER_MAX_CHARACTERS)
      return undefined;
    const before = presented.get(authorization);
    if (before !== undefined) return before;
    const key = authorization.replace(/^bearer /i, '').trim();
    if (key === '') return undefined;
    const now = { hash: hashOf(key), keyId: KEY.exec(key)?.[1] };
    keep(presented, authorization, now, PRESENTED_MAX);
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
      const asked = lookUp(authorization);
      if (asked.known !== undefined) return asked.known;
      const { keyId, given, before } = asked;
      const look = (before === undefined ? unknown : known).ask(keyId);
      if (look === undefined) return OVERLOADED;
      return judge(await (before === undefined ? answerOf(look) : answerOr(before, look)), given);
    },
    known: (authorization) => lookUp(authorization).known,
    forget: (keyId) => {
      remembered.delete(keyId);
      known.forget(keyId);
      unknown.forget(keyId);
    },
  };
};

const rememberedOf = (stored: StoredKey, atMs: number): Remembered => {
  const scopes = new Set(stored.scopes);
  const endpoints = stored.endpoints && new Set(stored.endpoints);
  const { keyId, hash: storedHash } = stored;
  return { hash: storedHash, opens: { ok: true, principal: { keyId, scopes, endpoints } }, atMs };
};

/** Keeps `value` as the newest of at most `max`. */
const keep = <Value>(kept: Map<string, Value>, key: string, value: Value, max: number): void => {
  kept.delete(key);
  kept.set(key, value);
  const [oldest] = kept.keys();
  if (kept.size > max && oldest !== undefined) kept.delete(oldest);
};

const answerOf = async (look: KeyLook): Promise<Remembered | undefined> => {
  const stored = await look.found;
  return stored && rememberedOf(stored, look.askedMs);
};

/** What the look finds, or `before` where the database does not say it in time. */
const answerOr = async (before: Remembered, look: KeyLook): Promise<Remembered | undefined> => {
  if (performance.now() - before.atMs >= STALE_MAX_MS) return answerOf(look);
  const leftMs = look.askedMs + ANSWER_WITHIN_MS - performance.now();
  if (leftMs <= 0) return before;
  const late = Promise.withResolvers<Remembered>();
  const timer = setTimeout(late.resolve, leftMs, before);
  const answer = answerOf(look).catch(() => before);
  return Promise.race([answer, late.promise]).finally(() => clearTimeout(timer));
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

const OVERLOADED: KeyCheck = {
  ok: false,
  problem: {
    code: 'service.overloaded',
    detail: 'Too many unknown API keys are being looked up; try again in a moment.',
    retryAfterSeconds: 1,
  },
};

const judge = (found: Remembered | undefined, given: Buffer): KeyCheck =>
  found !== undefined && timingSafeEqual(given, found.hash) ? found.opens : INVALID;

/** Whether a principal may use an endpoint at all; when not, the endpoint does not exist for it. */
export const mayUse = (principal: Principal, endpointId: EndpointId): boolean =>
  principal.endpoints === null || principal.endpoints.has(endpointId);
