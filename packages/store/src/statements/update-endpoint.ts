import type { Endpoint, EndpointId, ResolvedSettings } from '@switchyard/contracts';
import { sql } from 'kysely';
import type { Store } from '../open-store.ts';
import { columnsOf, endpointIn } from './endpoint.ts';

/**
 * Changes settings as one read and write under the row's lock, so that two changes at once both
 * hold. @returns undefined when there is no such endpoint.
 */
export const updateEndpoint = (
  store: Store,
  id: EndpointId,
  change: (current: Endpoint) => ResolvedSettings,
): Promise<Endpoint | undefined> =>
  store.query('update_endpoint', (db) =>
    db.transaction().execute(async (tx) => {
      const row = await tx
        .selectFrom('endpoints')
        .selectAll()
        .where('endpoint_id', '=', id)
        .forUpdate()
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const changed = await tx
        .updateTable('endpoints')
        .set({
          ...columnsOf(change(endpointIn(row))),
          updated_at: sql<Date>`statement_timestamp()`,
        })
        .where('endpoint_id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow();
      return endpointIn(changed);
    }),
  );
