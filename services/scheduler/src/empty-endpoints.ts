import type { EndpointId } from '@switchyard/contracts';
import type { Log } from '@switchyard/runtime';
import { emptyDeletedEndpoint, type Store } from '@switchyard/store';
import { TURN_MS } from './sweep-jobs.ts';

/**
 * A sweep that deletes what deleted endpoints held, a portion of each in turn, so that a small one
 * does not wait for a large one. Where each stands is remembered from one turn to the next.
 */
export const createEmptying = ({ store, log }: { store: Store; log: Log }) => {
  const begun = new Map<EndpointId, ReturnType<typeof emptyDeletedEndpoint>>();

  /** @returns whether it goes on. */
  const emptySome = async (endpointId: EndpointId): Promise<boolean> => {
    const emptying = begun.get(endpointId) ?? emptyDeletedEndpoint(store, endpointId);
    // Forgotten where this fails, as what threw cannot go on.
    begun.delete(endpointId);
    const { done, value } = await emptying.next();
    if (done !== true) begun.set(endpointId, emptying);
    else if (value) log.info({ endpointId }, 'the history of a deleted endpoint is gone');
    return done !== true;
  };

  return async (due: readonly EndpointId[]): Promise<void> => {
    const untilMs = performance.now() + TURN_MS;
    for (const id of begun.keys()) if (!due.includes(id)) begun.delete(id);
    const failures: unknown[] = [];
    const row = [...due];
    for (let id = row.shift(); id !== undefined && performance.now() < untilMs; id = row.shift()) {
      const goesOn = await emptySome(id).catch((error: unknown) => {
        failures.push(error);
        return false;
      });
      if (goesOn) row.push(id);
    }
    if (failures.length > 0) throw failures[0];
  };
};
