import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'find_overdue',
  text: 'select distinct endpoint_id from leases where overdue_at <= statement_timestamp()',
});

/** Where jobs run past their executionTimeout. */
export const findOverdue = async (store: Store): Promise<EndpointId[]> => {
  const rows = await store.run<{ endpoint_id: EndpointId }>(STATEMENT, []);
  return rows.map((row) => row.endpoint_id);
};
