import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'find_waiting',
  text: `select endpoint_id from unnest($1::text[]) as asked (endpoint_id)
    where exists (select from queue where queue.endpoint_id = asked.endpoint_id)`,
});

/** Which of `endpointIds` have jobs in their queue. */
export const findWaiting = async (
  store: Store,
  endpointIds: readonly EndpointId[],
): Promise<EndpointId[]> => {
  const rows = await store.runPinned<{ endpoint_id: EndpointId }>(STATEMENT, [endpointIds]);
  return rows.map((row) => row.endpoint_id);
};
