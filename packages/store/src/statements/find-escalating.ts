import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'find_escalating',
  text: `select endpoint_id from endpoints where exists (select from queue
    where queue.endpoint_id = endpoints.endpoint_id
      and queue.escalate_at <= statement_timestamp())`,
});

/** Where low jobs have waited long enough to count as high. */
export const findEscalating = async (store: Store): Promise<EndpointId[]> =>
  (await store.runPinned<{ endpoint_id: EndpointId }>(STATEMENT, [])).map((row) => row.endpoint_id);
