import { type Endpoint, type EndpointId, refuse } from '@switchyard/contracts';
import { readQueued, type Store } from '@switchyard/store';

export interface QueueGuard {
  /**
   * Lets one more job into the queue of `endpoint`. May overshoot its limit by what all intakes
   * accept within COUNT_MS. @throws Refusal `endpoint.queue_full`; StoreUnavailable.
   */
  admit(endpoint: Endpoint): Promise<void>;
  /** Lets in as many of `wanted` jobs as there is room for: how many. @throws StoreUnavailable. */
  admitUpTo(endpoint: Endpoint, wanted: number): Promise<number>;
}

/** How old a count may be before it is taken anew behind the requests, in ms. */
const COUNT_MS = 1_000;
/** Beyond this age it says nothing any more and is waited for, in ms. */
const COUNT_MAX_MS = 3_000;
const ENDPOINTS_MAX = 10_000;
const RETRY_AFTER_SECONDS = 5;

/** `queued` as the database counted it at `atMs`, `own` what was let in here since. */
type Count = { queued: number; own: number; atMs: number; counting: Promise<void> | undefined };

/** Holds endpoints to `limits.maxQueued` without counting for each job. */
export const createQueueGuard = (store: Store): QueueGuard => {
  const counts = new Map<EndpointId, Count>();

  const open = (id: EndpointId): Count => {
    if (counts.size >= ENDPOINTS_MAX) counts.clear();
    const count: Count = { queued: 0, own: 0, atMs: -COUNT_MAX_MS, counting: undefined };
    counts.set(id, count);
    return count;
  };

  const recount = async (id: EndpointId, count: Count): Promise<void> => {
    const ownBefore = count.own;
    try {
      count.queued = await readQueued(store, id);
      count.own -= ownBefore;
      count.atMs = performance.now();
    } finally {
      count.counting = undefined;
    }
  };

  const admitUpTo = async (endpoint: Endpoint, wanted: number): Promise<number> => {
    const { maxQueued } = endpoint.limits;
    if (maxQueued === null) return wanted;
    const id = endpoint.id as EndpointId;
    const count = counts.get(id) ?? open(id);
    const ageMs = performance.now() - count.atMs;
    if (ageMs > COUNT_MS) count.counting ??= recount(id, count);
    if (ageMs > COUNT_MAX_MS) await count.counting;
    else count.counting?.catch(() => undefined);
    const admitted = Math.max(0, Math.min(wanted, maxQueued - count.queued - count.own));
    count.own += admitted;
    return admitted;
  };

  return {
    admitUpTo,
    admit: async (endpoint) => {
      if ((await admitUpTo(endpoint, 1)) === 0) throw queueFull(endpoint);
    },
  };
};

/** What jobs hear for which there is no room. */
export const queueFull = ({ limits }: Endpoint) =>
  refuse('endpoint.queue_full', `The queue holds its ${limits.maxQueued} jobs already.`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
