import type { Endpoint, EndpointId, ResolvedSettings } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { columnsOf, endpointIn } from './endpoint.ts';

/**
 * Makes an endpoint.
 * @returns 'exists' when there is one of this id, and 'emptying' while what a former one of this
 * id held is still being deleted: try again soon.
 */
export const createEndpoint = (
  store: Store,
  id: EndpointId,
  settings: ResolvedSettings,
): Promise<Endpoint | 'exists' | 'emptying'> =>
  store.query('create_endpoint', (db) =>
    db.transaction().execute(async (tx) => {
      const row = await tx
        .insertInto('endpoints')
        .values({ endpoint_id: id, ...columnsOf(settings) })
        .onConflict((conflict) => conflict.doNothing())
        .returningAll()
        .executeTakeFirst();
      if (row === undefined) return 'exists';
      // Looked for by a statement of its own behind the insert, which waits for a deletion under
      // way: only so is that one seen. From the insert on no other deletion can begin.
      const former = await tx
        .selectFrom('deleted_endpoints')
        .select('endpoint_id')
        .where('endpoint_id', '=', id)
        .executeTakeFirst();
      if (former === undefined) return endpointIn(row);
      await tx.deleteFrom('endpoints').where('endpoint_id', '=', id).execute();
      return 'emptying';
    }),
  );
