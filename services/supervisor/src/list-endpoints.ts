import { setTimeout as pause } from 'node:timers/promises';
import type { Endpoint, EndpointId } from '@switchyard/contracts';
import { createBatcher } from '@switchyard/runtime';

export interface EndpointList {
  /** The endpoints as they were last read. */
  all(): readonly Endpoint[];
  /**
   * Whether there is such an endpoint. Those that are not in the list are looked for once more,
   * together: one may have been made since.
   * @throws StoreUnavailable when the database is away, Refusal when too many ask.
   */
  has(endpointId: EndpointId): Promise<boolean>;
  /** Reads them. */
  learn(): Promise<void>;
}

/** Before each look for unknown endpoints, in ms, so that asking for them is no load. */
const UNKNOWN_PAUSE_MS = 250;
const UNKNOWN_MAX = 10_000;

export const createEndpointList = (
  readEndpoints: () => Promise<readonly Endpoint[]>,
): EndpointList => {
  let all: readonly Endpoint[] = [];
  let ids = new Set<string>();

  const learn = async (): Promise<void> => {
    all = await readEndpoints();
    ids = new Set(all.map((endpoint) => endpoint.id));
  };
  const unknown = createBatcher<EndpointId, boolean>({
    run: async (asked) => {
      await pause(UNKNOWN_PAUSE_MS);
      await learn();
      return asked.map((endpointId) => ids.has(endpointId));
    },
    maxItems: UNKNOWN_MAX,
    queueMax: UNKNOWN_MAX,
    isPermanent: () => false,
  });
  return {
    all: () => all,
    has: async (endpointId) => ids.has(endpointId) || unknown.add(endpointId),
    learn,
  };
};
