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
  name: 'read_keys',
  text: `select key_id, hash, scopes, endpoints from api_keys
    where key_id = any($1::text[]) and revoked_at is null
      and (expires_at is null or expires_at > statement_timestamp())`,
});

/** The live keys among these ids: neither revoked nor expired. */
export const readKeys = async (
  store: Store,
  keyIds: readonly string[],
): Promise<ReadonlyMap<string, StoredKey>> => {
  const rows = await store.run<{
    key_id: string;
    hash: Buffer;
    scopes: Scope[];
    endpoints: EndpointId[] | null;
  }>(STATEMENT, [keyIds]);
  return new Map(
    rows.map(({ key_id: keyId, hash, scopes, endpoints }) => [
      keyId,
      { keyId, hash, scopes, endpoints },
    ]),
  );
};
