import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'keep_seal_check',
  text: 'insert into seal_check (sealed) values ($1) on conflict (only_row) do nothing',
});

/** Keeps a known text, sealed with the master key in use, unless one is kept already. */
export const keepSealCheck = async (store: Store, sealed: Buffer): Promise<void> => {
  await store.run(STATEMENT, [sealed]);
};
