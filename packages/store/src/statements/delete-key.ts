import type { Store } from '../open-store.ts';

/** Removes a key that was made for one worker process, when the process is gone. */
export const deleteKey = async (store: Store, keyId: string): Promise<void> => {
  await store.query('delete_key', (db) =>
    db.deleteFrom('api_keys').where('key_id', '=', keyId).execute(),
  );
};
