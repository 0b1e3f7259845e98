import type { KeyRecord } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { recordIn } from './key.ts';
import type { StoredKey } from './read-keys.ts';

export type NewKey = StoredKey & { readonly name: string; readonly expiresAt: Date | null };

/** Stores a key that was made by `newKey`. */
export const createKey = (store: Store, key: NewKey): Promise<KeyRecord> =>
  store.query('create_key', async (db) =>
    recordIn(
      await db
        .insertInto('api_keys')
        .values({
          key_id: key.keyId,
          hash: key.hash,
          name: key.name,
          scopes: [...key.scopes],
          endpoints: key.endpoints === null ? null : [...key.endpoints],
          expires_at: key.expiresAt,
          revoked_at: null,
        })
        .returningAll()
        .executeTakeFirstOrThrow(),
    ),
  );
