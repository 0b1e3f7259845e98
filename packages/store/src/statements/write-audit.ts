import type { Store } from '../open-store.ts';

/** Records who did what. */
export const writeAudit = async (
  store: Store,
  entry: { readonly keyId: string; readonly action: string; readonly target: string },
): Promise<void> => {
  await store.query('write_audit', (db) =>
    db
      .insertInto('audit')
      .values({ key_id: entry.keyId, action: entry.action, target: entry.target })
      .execute(),
  );
};
