import type { EndpointId } from '@switchyard/contracts';
import { type ClaimedJob, type ClaimFrom, fromAfter } from '@switchyard/store';

/** A look that took longer probably walked over rows that are dead and cannot be removed, in ms. */
const SLOW_MS = 5;
/** How long at most a job may be missed whose deadline is before those that were claimed, in ms. */
const LOOK_BACK_AFTER_MS = 250;

const WHOLE: ClaimFrom = { highMs: undefined, lowMs: undefined };

export type Look = {
  /** Undefined for a look at the whole queue. */
  readonly from: ClaimFrom | undefined;
  readonly end: (claimed: readonly Pick<ClaimedJob, 'rank' | 'deadlineMs'>[]) => void;
};

export interface Heads {
  /** Begins a look at the queue of an endpoint. */
  look(endpointId: EndpointId): Look;
}

export type HeadsOptions = {
  /** As the store's `findEarlier`; it tells of its failures itself. */
  readonly findEarlier: (endpointId: EndpointId, from: ClaimFrom) => Promise<ClaimFrom>;
  /** Called where jobs may wait that looks passed over: the next one finds them. */
  readonly due: (endpointId: EndpointId) => void;
  /** A monotonic clock. */
  readonly nowMs?: () => number;
};

/**
 * Where the queues of endpoints begin. While some transaction holds the horizon, the rows of
 * claimed jobs stay at the head of the index, and each look walks over all of them: measured 1.6 to
 * 8.2 ms after 100,000 jobs. So after a slow look the next ones begin at the last deadline that was
 * claimed. What they may have passed over is looked for within LOOK_BACK_AFTER_MS, beside them, so
 * that no claim waits for that walk; once it is quick, looks are at the whole queue again.
 */
export const createHeads = ({
  findEarlier,
  due,
  nowMs = () => performance.now(),
}: HeadsOptions): Heads => {
  const heads = new Map<EndpointId, ClaimFrom>();
  /** Of the next look: one that is under way when they are found ends behind them. */
  const passedOver = new Map<EndpointId, ClaimFrom>();
  const lookingBack = new Set<EndpointId>();

  const lookBack = async (endpointId: EndpointId): Promise<void> => {
    const from = heads.get(endpointId);
    if (from === undefined) return;
    const startedMs = nowMs();
    const earlier = await findEarlier(endpointId, from);
    if (nowMs() - startedMs < SLOW_MS) heads.delete(endpointId);
    if (earlier.highMs === undefined && earlier.lowMs === undefined) return;
    passedOver.set(endpointId, earlier);
    due(endpointId);
  };

  const nextFrom = (endpointId: EndpointId): ClaimFrom | undefined => {
    const from = heads.get(endpointId);
    const earlier = passedOver.get(endpointId);
    passedOver.delete(endpointId);
    if (from === undefined || earlier === undefined) return from;
    return { highMs: earlier.highMs ?? from.highMs, lowMs: earlier.lowMs ?? from.lowMs };
  };

  const lookBackLater = (endpointId: EndpointId): void => {
    if (lookingBack.has(endpointId)) return;
    lookingBack.add(endpointId);
    const later = (): void => {
      lookBack(endpointId)
        // Told of by `findEarlier`; a look at the whole queue needs nothing of it.
        .catch(() => heads.delete(endpointId))
        .finally(() => lookingBack.delete(endpointId));
    };
    setTimeout(later, LOOK_BACK_AFTER_MS).unref();
  };

  return {
    look: (endpointId) => {
      const startedMs = nowMs();
      const from = nextFrom(endpointId);
      return {
        from,
        end: (claimed) => {
          if (from === undefined && nowMs() - startedMs < SLOW_MS) return;
          heads.set(endpointId, fromAfter(from ?? WHOLE, claimed));
          lookBackLater(endpointId);
        },
      };
    },
  };
};
