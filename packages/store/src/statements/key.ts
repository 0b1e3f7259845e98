import type { KeyRecord } from '@switchyard/contracts';
import type { Selectable } from 'kysely';
import type { Database } from '../schema.ts';

/** A key as its owner sees it, from its row: never its hash. */
export const recordIn = (row: Selectable<Database['api_keys']>): KeyRecord => ({
  id: row.key_id,
  name: row.name,
  scopes: row.scopes,
  endpoints: row.endpoints,
  createdAt: row.created_at.toISOString(),
  expiresAt: row.expires_at?.toISOString() ?? null,
  revokedAt: row.revoked_at?.toISOString() ?? null,
});
