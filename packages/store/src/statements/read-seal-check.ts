import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({ name: 'read_seal_check', text: 'select sealed from seal_check' });

/** The known text as it was sealed; undefined before the first start. */
export const readSealCheck = async (store: Store): Promise<Buffer | undefined> =>
  (await store.run<{ sealed: Buffer }>(STATEMENT, []))[0]?.sealed;
