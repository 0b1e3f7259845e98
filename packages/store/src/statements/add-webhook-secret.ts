import type { EndpointId } from '@switchyard/contracts';
import { sql } from 'kysely';
import type { Store } from '../open-store.ts';

/** Puts a sealed webhook secret before the last one, which goes on signing. */
export const addWebhookSecret = (store: Store, id: EndpointId, sealed: Buffer): Promise<boolean> =>
  store.query('add_webhook_secret', async (db) => {
    const row = await db
      .updateTable('endpoints')
      .set({ webhook_secrets: sql<Buffer[]>`(${sealed}::bytea || webhook_secrets)[1:2]` })
      .where('endpoint_id', '=', id)
      .returning('endpoint_id')
      .executeTakeFirst();
    return row !== undefined;
  });
