import type { Endpoint } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { endpointIn } from './endpoint.ts';

/** Every endpoint, by id. */
export const listEndpoints = (store: Store): Promise<Endpoint[]> =>
  store.query('list_endpoints', async (db) =>
    (await db.selectFrom('endpoints').selectAll().orderBy('endpoint_id').execute()).map(endpointIn),
  );
