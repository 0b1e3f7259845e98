import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'find_startable',
  text: `select endpoint_id from endpoints where exists (select from delayed
    where delayed.endpoint_id = endpoints.endpoint_id
      and delayed.start_at <= statement_timestamp())`,
});

/** Where jobs are past their start time and not in the queue yet. */
export const findStartable = async (store: Store): Promise<EndpointId[]> =>
  (await store.runPinned<{ endpoint_id: EndpointId }>(STATEMENT, [])).map((row) => row.endpoint_id);
