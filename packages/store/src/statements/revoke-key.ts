import type { KeyRecord } from '@switchyard/contracts';
import { sql } from 'kysely';
import type { Store } from '../open-store.ts';
import { recordIn } from './key.ts';

/** Ends a key at once. @returns undefined when there is none of this id. */
export const revokeKey = (store: Store, keyId: string): Promise<KeyRecord | undefined> =>
  store.query('revoke_key', async (db) => {
    const row = await db
      .updateTable('api_keys')
      .set({ revoked_at: sql<Date>`coalesce(revoked_at, statement_timestamp())` })
      .where('key_id', '=', keyId)
      .returningAll()
      .executeTakeFirst();
    return row && recordIn(row);
  });
