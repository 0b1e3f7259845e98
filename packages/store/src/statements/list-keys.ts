import type { KeyRecord } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { recordIn } from './key.ts';

/** Every key, revoked ones too, the newest first. Never a hash. */
export const listKeys = (store: Store): Promise<KeyRecord[]> =>
  store.query('list_keys', async (db) =>
    (await db.selectFrom('api_keys').selectAll().orderBy('created_at', 'desc').execute()).map(
      recordIn,
    ),
  );
