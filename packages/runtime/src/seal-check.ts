import type { Sealer } from './seal.ts';

/** A text that everybody knows, sealed in the database: what opens it is the master key in use. */
const TEXT = Buffer.from('switchyard');
const CONTEXT = 'seal-check';

/** The known text, sealed with the first master key. */
export const makeSealCheck = (sealer: Sealer): Buffer => sealer.seal(TEXT, CONTEXT);

/** Whether one of the master keys is the one that `sealed` was made with. */
export const passesSealCheck = (sealer: Sealer, sealed: Buffer): boolean => {
  try {
    return sealer.open(sealed, CONTEXT).equals(TEXT);
  } catch {
    return false;
  }
};
