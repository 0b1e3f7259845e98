import type { EndpointId } from '@switchyard/contracts';
import { sql } from 'kysely';
import type { Store } from '../open-store.ts';

/**
 * Stores a sealed webhook secret for an endpoint that has none. Of rivals the first one's stays:
 * the others wait for its row and change nothing.
 * @returns the secrets that sign from now on, newest first; none where the endpoint is gone.
 */
export const giveWebhookSecret = (
  store: Store,
  id: EndpointId,
  sealed: Buffer,
): Promise<Buffer[]> =>
  store.query('give_webhook_secret', async (db) => {
    const row = await db
      .updateTable('endpoints')
      .set({
        webhook_secrets: sql<Buffer[]>`case when webhook_secrets = '{}'
          then array[${sealed}::bytea] else webhook_secrets end`,
      })
      .where('endpoint_id', '=', id)
      .returning('webhook_secrets')
      .executeTakeFirst();
    return row?.webhook_secrets ?? [];
  });
