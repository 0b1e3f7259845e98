import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'find_escalating',
  text: `select endpoint_id from endpoints cross join lateral (
    select escalate_at from queue
    where queue.endpoint_id = endpoints.endpoint_id and escalate_at is not null
    order by escalate_at limit 1
  ) as first where escalate_at <= statement_timestamp()`,
});

/** Where low jobs have waited long enough to count as high. */
export const findEscalating = async (store: Store): Promise<EndpointId[]> =>
  (await store.runPinned<{ endpoint_id: EndpointId }>(STATEMENT, [])).map((row) => row.endpoint_id);
