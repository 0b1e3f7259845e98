import type { EndpointId, Scope } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

/** A key as those who check one see it: only its hash is stored. */
export type StoredKey = {
  readonly keyId: string;
  /** SHA-256 of the whole key. */
  readonly hash: Buffer;
  readonly scopes: readonly Scope[];
  /** Null: all endpoints. */
  readonly endpoints: readonly EndpointId[] | null;
};

const STATEMENT = statement({
  name: 'read_key',
  text: `select key_id, hash, scopes, endpoints from api_keys
    where key_id = $1 and revoked_at is null
      and (expires_at is null or expires_at > statement_timestamp())`,
});

/** The live key of this id: neither revoked nor expired. */
export const readKey = async (store: Store, keyId: string): Promise<StoredKey | undefined> => {
  const [row] = await store.run<{
    key_id: string;
    hash: Buffer;
    scopes: Scope[];
    endpoints: EndpointId[] | null;
  }>(STATEMENT, [keyId]);
  return row && { keyId: row.key_id, hash: row.hash, scopes: row.scopes, endpoints: row.endpoints };
};
