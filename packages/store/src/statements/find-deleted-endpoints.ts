import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'find_deleted_endpoints',
  text: 'select endpoint_id from deleted_endpoints',
});

/** Endpoints that are gone and whose history is still there. */
export const findDeletedEndpoints = async (store: Store): Promise<EndpointId[]> =>
  (await store.runPinned<{ endpoint_id: EndpointId }>(STATEMENT, [])).map((row) => row.endpoint_id);
