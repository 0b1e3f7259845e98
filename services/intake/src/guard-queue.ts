import { type Endpoint, type EndpointId, refuse } from '@switchyard/contracts';
import { readQueued, type Store } from '@switchyard/store';

export interface QueueGuard {
  /**
   * Whether `admitUpTo` has no room, told at once and at the cost of a look at a map; false where
   * it would have to count first.
   */
  isFull(endpoint: Endpoint): boolean;
  /**
   * Lets as many of `wanted` jobs into the queue of `endpoint` as there is room for. May overshoot
   * its limit by what other intakes accept within COUNT_MS. @throws StoreUnavailable.
   */
  admitUpTo(endpoint: Endpoint, wanted: number): Promise<Places>;
}

/** Room in a queue for `count` jobs. */
export type Places = {
  readonly count: number;
  /** To be called once, when the jobs are stored or will not be. */
  readonly settle: () => void;
};

/** How old a count may be before it is taken anew behind the requests, in ms. */
const COUNT_MS = 1_000;
/**
 * The same for a queue that is full, so that a small one whose workers are quick is let fill up
 * again before it runs dry, and a purged one takes jobs at once.
 */
const FULL_COUNT_MS = 100;
/** Beyond this age it says nothing any more and is waited for, in ms. */
const COUNT_MAX_MS = 3_000;
const ENDPOINTS_MAX = 10_000;
const RETRY_AFTER_SECONDS = 5;

type Count = {
  /** As the database counted them at `atMs`. */
  queued: number;
  /** Settled here since that count was begun; those settled before are in it. */
  settled: number;
  /** Let in here and not settled yet: no count can be trusted to hold them. */
  underWay: number;
  atMs: number;
  counting: Promise<void> | undefined;
};

/** Holds endpoints to `limits.maxQueued` without counting for each job. */
export const createQueueGuard = (store: Store): QueueGuard => {
  const counts = new Map<EndpointId, Count>();

  const open = (id: EndpointId): Count => {
    if (counts.size >= ENDPOINTS_MAX) counts.clear();
    const count = { queued: 0, settled: 0, underWay: 0, atMs: -COUNT_MAX_MS, counting: undefined };
    counts.set(id, count);
    return count;
  };

  const recount = async (id: EndpointId, count: Count): Promise<void> => {
    const settledBefore = count.settled;
    try {
      count.queued = await readQueued(store, id);
      count.settled -= settledBefore;
      count.atMs = performance.now();
    } finally {
      count.counting = undefined;
    }
  };

  /** What is known of the queue, counted anew behind the answer when that is old. */
  const look = (id: EndpointId, maxQueued: number) => {
    const count = counts.get(id) ?? open(id);
    const ageMs = performance.now() - count.atMs;
    if (ageMs > (roomIn(count, maxQueued) > 0 ? COUNT_MS : FULL_COUNT_MS)) {
      count.counting ??= recount(id, count);
      count.counting.catch(() => undefined);
    }
    return { count, isKnown: ageMs <= COUNT_MAX_MS };
  };

  const admitUpTo = async (endpoint: Endpoint, wanted: number): Promise<Places> => {
    const { maxQueued } = endpoint.limits;
    if (maxQueued === null) return { count: wanted, settle: () => undefined };
    const { count, isKnown } = look(endpoint.id as EndpointId, maxQueued);
    if (!isKnown) await count.counting;
    const admitted = Math.min(wanted, roomIn(count, maxQueued));
    count.underWay += admitted;
    const settle = (): void => {
      count.underWay -= admitted;
      count.settled += admitted;
    };
    return { count: admitted, settle };
  };

  return {
    isFull: ({ id, limits: { maxQueued } }) => {
      if (maxQueued === null) return false;
      const { count, isKnown } = look(id as EndpointId, maxQueued);
      return isKnown && roomIn(count, maxQueued) === 0;
    },
    admitUpTo,
  };
};

const roomIn = ({ queued, settled, underWay }: Count, maxQueued: number): number =>
  Math.max(0, maxQueued - queued - settled - underWay);

/** What jobs hear for which there is no room. */
export const queueFull = ({ limits }: Endpoint) =>
  refuse('endpoint.queue_full', `The queue holds its ${limits.maxQueued} jobs already.`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
