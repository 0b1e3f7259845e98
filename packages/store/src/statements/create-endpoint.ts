import type { Endpoint, EndpointId, ResolvedSettings } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { columnsOf, endpointIn } from './endpoint.ts';

/** Makes an endpoint. @returns undefined when there is one of this id. */
export const createEndpoint = (
  store: Store,
  id: EndpointId,
  settings: ResolvedSettings,
): Promise<Endpoint | undefined> =>
  store.query('create_endpoint', async (db) => {
    const row = await db
      .insertInto('endpoints')
      .values({ endpoint_id: id, ...columnsOf(settings) })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
    return row && endpointIn(row);
  });
