import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'find_startable',
  text: `select endpoint_id from endpoints cross join lateral (
    select start_at from delayed where delayed.endpoint_id = endpoints.endpoint_id
    order by start_at limit 1
  ) as first where start_at <= statement_timestamp()`,
});

/** Where jobs are past their start time and not in the queue yet. */
export const findStartable = async (store: Store): Promise<EndpointId[]> =>
  (await store.runPinned<{ endpoint_id: EndpointId }>(STATEMENT, [])).map((row) => row.endpoint_id);
