import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

/** The first of each endpoint's index; asked for any, a plan may walk all that ended. */
const STATEMENT = statement({
  name: 'find_retired',
  text: `select endpoint_id from endpoints cross join lateral (
    select finished_at from results where results.endpoint_id = endpoints.endpoint_id
    order by finished_at limit 1
  ) as oldest
  where finished_at <= statement_timestamp() - endpoints.retention_ms * interval '1 ms'`,
});

/** Where jobs ended longer ago than their endpoint keeps them. */
export const findRetired = async (store: Store): Promise<EndpointId[]> =>
  (await store.runPinned<{ endpoint_id: EndpointId }>(STATEMENT, [])).map((row) => row.endpoint_id);
