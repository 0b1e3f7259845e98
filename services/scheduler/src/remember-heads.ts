import type { EndpointId } from '@switchyard/contracts';
import { type ClaimedJob, type ClaimFrom, fromAfter } from '@switchyard/store';

/** A look that took longer probably walked over rows that are dead and cannot be removed, in ms. */
const SLOW_MS = 5;
/** How long at most a job may be missed whose deadline is before those that were claimed, in ms. */
const FULL_LOOK_EVERY_MS = 250;

const HEAD: ClaimFrom = { highMs: undefined, lowMs: undefined };

type Head = { readonly from: ClaimFrom; readonly fullAtMs: number };

export type Look = {
  /** Undefined for a look at the whole queue. */
  readonly from: ClaimFrom | undefined;
  readonly end: (claimed: readonly Pick<ClaimedJob, 'rank' | 'deadlineMs'>[]) => void;
};

export interface Heads {
  /** Begins a look at the queue of an endpoint. */
  look(endpointId: EndpointId): Look;
}

/**
 * Where the queues of endpoints begin. While some transaction holds the horizon, the rows of
 * claimed jobs stay at the head of the index, and each look walks over all of them: measured 1.6 to
 * 8.2 ms after 100,000 jobs. So after a slow look the next ones begin at the last deadline that was
 * claimed, and a full one follows within FULL_LOOK_EVERY_MS, for which `due` is called where none
 * came by itself.
 * @param nowMs a monotonic clock.
 */
export const createHeads = (
  due: (endpointId: EndpointId) => void,
  nowMs: () => number = () => performance.now(),
): Heads => {
  const heads = new Map<EndpointId, Head>();
  const timers = new Set<EndpointId>();

  const fullLookLater = (endpointId: EndpointId): void => {
    if (timers.has(endpointId)) return;
    timers.add(endpointId);
    const later = (): void => {
      timers.delete(endpointId);
      due(endpointId);
    };
    setTimeout(later, FULL_LOOK_EVERY_MS).unref();
  };

  return {
    look: (endpointId) => {
      const startedMs = nowMs();
      const known = heads.get(endpointId);
      const isFull = known === undefined || startedMs - known.fullAtMs >= FULL_LOOK_EVERY_MS;
      return {
        from: isFull ? undefined : known.from,
        end: (claimed) => {
          if (isFull && nowMs() - startedMs < SLOW_MS) {
            heads.delete(endpointId);
            return;
          }
          const fullAtMs = isFull ? startedMs : known.fullAtMs;
          heads.set(endpointId, { from: fromAfter(isFull ? HEAD : known.from, claimed), fullAtMs });
          fullLookLater(endpointId);
        },
      };
    },
  };
};
