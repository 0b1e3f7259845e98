import type { EndpointId } from '@switchyard/contracts';
import { findOverdue, type Store } from '@switchyard/store';

/**
 * Where jobs run past their executionTimeout, as `findOverdue` says, which is asked only when there
 * may be some: it reads every lease, and those that an old transaction keeps.
 */
export const createOverdueLook = (): ((store: Store) => Promise<readonly EndpointId[]>) => {
  let quietUntilMs = Number.NEGATIVE_INFINITY;
  return async (store) => {
    const askedAtMs = performance.now();
    if (askedAtMs < quietUntilMs) return [];
    const { endpointIds, quietMs } = await findOverdue(store);
    quietUntilMs = askedAtMs + quietMs;
    return endpointIds;
  };
};
