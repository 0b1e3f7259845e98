import type { Endpoint, EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { endpointIn } from './endpoint.ts';

/** One endpoint, or undefined where there is none of this id. */
export const readEndpoint = (store: Store, id: EndpointId): Promise<Endpoint | undefined> =>
  store.query('read_endpoint', async (db) => {
    const row = await db
      .selectFrom('endpoints')
      .selectAll()
      .where('endpoint_id', '=', id)
      .executeTakeFirst();
    return row && endpointIn(row);
  });
