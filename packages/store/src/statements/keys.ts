import type { EndpointId, KeyRecord, Scope } from '@switchyard/contracts';
import { type Selectable, sql } from 'kysely';
import type { Store } from '../open-store.ts';
import type { Database } from '../schema.ts';

/** A key as those who check one see it: only its hash is stored. */
export type StoredKey = {
  readonly keyId: string;
  /** SHA-256 of the whole key. */
  readonly hash: Buffer;
  readonly scopes: readonly Scope[];
  /** Null: all endpoints. */
  readonly endpoints: readonly EndpointId[] | null;
};

export type NewKey = StoredKey & { readonly name: string; readonly expiresAt: Date | null };

const recordIn = (row: Selectable<Database['api_keys']>): KeyRecord => ({
  id: row.key_id,
  name: row.name,
  scopes: row.scopes,
  endpoints: row.endpoints,
  createdAt: row.created_at.toISOString(),
  expiresAt: row.expires_at?.toISOString() ?? null,
  revokedAt: row.revoked_at?.toISOString() ?? null,
});

export const createKey = (store: Store, key: NewKey): Promise<KeyRecord> =>
  store.query(async (db) =>
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

/** Every key, revoked ones too, the newest first. Never a hash. */
export const listKeys = (store: Store): Promise<KeyRecord[]> =>
  store.query(async (db) =>
    (await db.selectFrom('api_keys').selectAll().orderBy('created_at', 'desc').execute()).map(
      recordIn,
    ),
  );

/** Ends a key at once. @returns undefined when there is none of this id. */
export const revokeKey = (store: Store, keyId: string): Promise<KeyRecord | undefined> =>
  store.query(async (db) => {
    const row = await db
      .updateTable('api_keys')
      .set({ revoked_at: sql<Date>`coalesce(revoked_at, statement_timestamp())` })
      .where('key_id', '=', keyId)
      .returningAll()
      .executeTakeFirst();
    return row && recordIn(row);
  });

/** Removes a key that was made for one worker process, when the process is gone. */
export const deleteKey = async (store: Store, keyId: string): Promise<void> => {
  await store.query((db) => db.deleteFrom('api_keys').where('key_id', '=', keyId).execute());
};

const READ = {
  name: 'read_key',
  text: `select key_id, hash, scopes, endpoints from api_keys
    where key_id = $1 and revoked_at is null
      and (expires_at is null or expires_at > statement_timestamp())`,
};

/** The live key of this id: neither revoked nor expired. */
export const readKey = async (store: Store, keyId: string): Promise<StoredKey | undefined> => {
  const [row] = await store.run<{
    key_id: string;
    hash: Buffer;
    scopes: Scope[];
    endpoints: EndpointId[] | null;
  }>(READ, [keyId]);
  return row && { keyId: row.key_id, hash: row.hash, scopes: row.scopes, endpoints: row.endpoints };
};

/** Records who did what. */
export const writeAudit = async (
  store: Store,
  entry: { readonly keyId: string; readonly action: string; readonly target: string },
): Promise<void> => {
  await store.query((db) =>
    db
      .insertInto('audit')
      .values({ key_id: entry.keyId, action: entry.action, target: entry.target })
      .execute(),
  );
};
