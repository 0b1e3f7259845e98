import type { Endpoint, EndpointId } from '@switchyard/contracts';
import { sql } from 'kysely';
import type { Store } from '../open-store.ts';
import { endpointIn } from './endpoint.ts';

/**
 * Pauses an endpoint or lets it go on: while it is paused, no claim of it takes anything.
 * @returns undefined when there is no such endpoint.
 */
export const pauseEndpoint = (
  store: Store,
  id: EndpointId,
  paused: boolean,
): Promise<Endpoint | undefined> =>
  store.query('pause_endpoint', async (db) => {
    const row = await db
      .updateTable('endpoints')
      .set({ paused, updated_at: sql<Date>`statement_timestamp()` })
      .where('endpoint_id', '=', id)
      .returningAll()
      .executeTakeFirst();
    return row && endpointIn(row);
  });
