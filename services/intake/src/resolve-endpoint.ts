import { type Endpoint, type EndpointId, refuse } from '@switchyard/contracts';
import { readEndpoint, type Store, StoreUnavailable } from '@switchyard/store';

/** Endpoints by id, remembered for a moment: each request names one. */
export interface EndpointCache {
  /**
   * The endpoint, at most CACHE_MS old; undefined when there is none. While the database is away
   * what was known last serves. @throws StoreUnavailable when it was not known yet.
   */
  resolve(id: EndpointId): Promise<Endpoint | undefined>;
  /** What `resolve` would resolve to without a wait; undefined where it takes one. */
  known(id: EndpointId): Endpoint | undefined;
  /** Drops what is remembered, when it is known to have changed. */
  forget(id: EndpointId): void;
}

/** How old an answer may be, in ms. */
const CACHE_MS = 1_000;
/** From this age on it is read anew behind the answer, in ms, so that no request in use waits. */
const REFRESH_MS = 500;
const CACHE_MAX_ENDPOINTS = 10_000;

type Entry = {
  readonly endpoint: Endpoint | undefined;
  readonly atMs: number;
  reading: Promise<Endpoint | undefined> | undefined;
};

export const createEndpointCache = (store: Store): EndpointCache => {
  const entries = new Map<EndpointId, Entry>();

  const remember = (id: EndpointId, before: Entry | undefined, endpoint: Endpoint | undefined) => {
    // One that was forgotten meanwhile may be older than the change that it was forgotten for.
    if (before !== entries.get(id)) return;
    if (entries.size >= CACHE_MAX_ENDPOINTS) entries.clear();
    entries.set(id, { endpoint, atMs: performance.now(), reading: undefined });
  };

  const readAnew = async (
    id: EndpointId,
    before: Entry | undefined,
  ): Promise<Endpoint | undefined> => {
    try {
      const endpoint = await readEndpoint(store, id);
      remember(id, before, endpoint);
      return endpoint;
    } catch (error) {
      if (before !== undefined) before.reading = undefined;
      if (error instanceof StoreUnavailable && before?.endpoint !== undefined) {
        return before.endpoint;
      }
      throw error;
    }
  };

  /** The entry that may serve now, read anew behind the answer before it grows too old. */
  const serving = (id: EndpointId): Entry | undefined => {
    const entry = entries.get(id);
    if (entry === undefined) return undefined;
    const ageMs = performance.now() - entry.atMs;
    if (ageMs < REFRESH_MS) return entry;
    if (ageMs >= CACHE_MS) return undefined;
    if (entry.reading === undefined) {
      entry.reading = readAnew(id, entry);
      // Whoever comes after CACHE_MS reads again and hears of a failure that lasts.
      entry.reading.catch(() => undefined);
    }
    return entry;
  };

  return {
    resolve: async (id) => {
      const entry = serving(id);
      if (entry !== undefined) return entry.endpoint;
      const old = entries.get(id);
      if (old === undefined) return readAnew(id, undefined);
      old.reading ??= readAnew(id, old);
      return old.reading;
    },
    known: (id) => serving(id)?.endpoint,
    forget: (id) => {
      entries.delete(id);
    },
  };
};

/** The one answer to every name of an endpoint that is not there. */
export const noSuchEndpoint = () =>
  refuse('endpoint.not_found', 'There is no endpoint of this id.');
