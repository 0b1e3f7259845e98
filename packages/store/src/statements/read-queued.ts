import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'read_queued',
  text: 'select coalesce(sum(queued), 0)::bigint as queued from counts where endpoint_id = $1',
});

/** How many jobs wait in the endpoint's queue. */
export const readQueued = async (store: Store, endpointId: EndpointId): Promise<number> => {
  const [counts] = await store.run<{ queued: number }>(STATEMENT, [endpointId]);
  return counts?.queued ?? 0;
};
