import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';

export const SECRETS_FILE_NAME = 'secrets.json';

/** The file of secrets cannot be used; the message is one sentence for whoever started us. */
export class SecretsError extends Error {
  override readonly name = 'SecretsError';
}

export type KeptSecrets = {
  /** The bootstrap admin key. */
  readonly apiKey: string;
  /** 32 bytes each; the first seals, all open. */
  readonly masterKeys: readonly Buffer[];
};

export type Secrets = KeptSecrets & {
  /** This call made them, so that the key may be shown this once. */
  readonly created: boolean;
};

/**
 * The secrets that stand in for those of the environment, made on the first start and kept in
 * `dataDir` (0700) in a file that only its owner reads (0600). Of several starts at
 * once one makes them and all get the same.
 * @throws SecretsError when the file cannot be read or written, or is damaged: making new secrets
 * would leave what the former ones sealed closed for good.
 */
export const loadOrCreateSecrets = async (dataDir: string): Promise<Secrets> => {
  const file = path.join(dataDir, SECRETS_FILE_NAME);
  try {
    const found = await load(file);
    // Somebody's copy or backup may have opened it to others.
    if (found !== undefined) await chmod(file, 0o600);
    if (found !== undefined) return { ...found, created: false };
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const created = await create(file);
    const kept = await load(file);
    if (kept === undefined) throw new SecretsError(`${file} vanished while it was made.`);
    return { ...kept, created };
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SecretsError(`The secrets in ${file} cannot be used: ${reason}.`, { cause: error });
  }
};

/**
 * The secrets that a start has kept in `dataDir`, undefined where there are none; makes none and
 * changes nothing. @throws SecretsError when the file cannot be read or is damaged.
 */
export const readSecrets = async (dataDir: string): Promise<KeptSecrets | undefined> => {
  const file = path.join(dataDir, SECRETS_FILE_NAME);
  try {
    return await load(file);
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SecretsError(`The secrets in ${file} cannot be used: ${reason}.`, { cause: error });
  }
};

const load = async (file: string): Promise<KeptSecrets | undefined> => {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
  const secrets = parse(text);
  if (secrets === undefined) {
    throw new SecretsError(
      `${file} is damaged: restore it from a backup, or move it away together with the database.`,
    );
  }
  return secrets;
};

const parse = (text: string): KeptSecrets | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('apiKey' in value && typeof value.apiKey === 'string')) return undefined;
  if (!('masterKeys' in value && Array.isArray(value.masterKeys))) return undefined;
  const masterKeys = value.masterKeys.map((key) => Buffer.from(String(key), 'base64'));
  const whole = masterKeys.length > 0 && masterKeys.every((key) => key.length === 32);
  return whole && value.apiKey.length >= 16 ? { apiKey: value.apiKey, masterKeys } : undefined;
};

/**
 * Writes new secrets beside `file`, then gives them its name in one step. Linking fails where the
 * name is taken, so that the first of two starts wins; where links are not to be had, renaming does
 * for the ordinary case of one start.
 * @returns whether these secrets became the file.
 */
const create = async (file: string): Promise<boolean> => {
  const draft = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`;
  const secrets = {
    apiKey: `sy_${randomBytes(32).toString('base64url')}`,
    masterKeys: [randomBytes(32).toString('base64')],
  };
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(secrets, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    try {
      await link(draft, file);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EEXIST') return false;
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
      await rename(draft, file);
    }
    await syncDirectory(path.dirname(file));
    return true;
  } finally {
    await rm(draft, { force: true });
  }
};

/** A new name is on the disk only once its directory is; Windows cannot do it and need not. */
const syncDirectory = async (directory: string): Promise<void> => {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const systemCode = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;
