import { makeSealCheck, passesSealCheck, type Sealer } from '@switchyard/runtime';
import { keepSealCheck, readSealCheck, type Store } from '@switchyard/store';

/** The master key is not the one that the secrets in the database are sealed with. */
export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError';
}

/**
 * Holds this start to the master key of the first one: with another, jobs whose s3Config is sealed
 * could not be handed over, and what is sealed from now on would be lost to the others.
 * @throws MasterKeyError
 */
export const checkMasterKey = async (store: Store, sealer: Sealer): Promise<void> => {
  await keepSealCheck(store, makeSealCheck(sealer));
  const sealed = await readSealCheck(store);
  if (sealed === undefined || passesSealCheck(sealer, sealed)) return;
  throw new MasterKeyError(
    'SWITCHYARD_MASTER_KEY is not the key that the secrets in this database are sealed with: set ' +
      'that one, or list it behind a new one with a comma between them.',
  );
};
