import type { Endpoint, EndpointId } from '@switchyard/contracts';
import type { Log } from '@switchyard/runtime';
import {
  FORGET_MAX_KEYS,
  forgetIdempotencyKeys,
  RETIRE_MAX_JOBS,
  retireJobs,
  type Store,
  StoreUnavailable,
} from '@switchyard/store';
import { TURN_MS } from './sweep-jobs.ts';

/**
 * A sweep that deletes the jobs that ended longer ago than their endpoints keep them. Jobs with
 * very many chunks may be more than one statement can delete in its time: then fewer are tried at
 * the next turn, so that none blocks the way for good; the other endpoints have their turn at once.
 */
export const createRetirement = ({ store, log }: { store: Store; log: Log }) => {
  let limit = RETIRE_MAX_JOBS;

  const retireSome = async (endpointId: EndpointId): Promise<number> => {
    try {
      const { length } = await retireJobs(store, endpointId, limit);
      limit = Math.min(RETIRE_MAX_JOBS, limit * 2);
      if (length > 0) log.debug({ endpointId, jobs: length }, 'jobs past their retention deleted');
      return length;
    } catch (error) {
      if (error instanceof StoreUnavailable) limit = Math.ceil(limit / 4);
      throw error;
    }
  };

  return async (due: readonly EndpointId[]): Promise<void> => {
    const untilMs = performance.now() + TURN_MS;
    const failures: unknown[] = [];
    for (const endpointId of due) {
      try {
        for (let more = true; more && performance.now() < untilMs; ) {
          more = (await retireSome(endpointId)) > 0;
        }
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
};

/** Forgets the idempotency keys of `endpoints` whose time is over. */
export const forgetOldKeys = async (
  store: Store,
  endpoints: readonly Endpoint[],
): Promise<void> => {
  const untilMs = performance.now() + TURN_MS;
  for (const { id } of endpoints) {
    for (let more = true; more && performance.now() < untilMs; ) {
      more = (await forgetIdempotencyKeys(store, id as EndpointId)) === FORGET_MAX_KEYS;
    }
  }
};
