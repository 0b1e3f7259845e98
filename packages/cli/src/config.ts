import { access } from 'node:fs/promises';
import path from 'node:path';
import {
  type Config,
  loadOrCreateSecrets,
  readConfig,
  SECRETS_FILE_NAME,
  SecretsError,
} from '@switchyard/runtime';
import { UsageError } from './failures.ts';
import { note } from './output/print.ts';

/** The configuration of a command that runs no service. @throws UsageError with every problem. */
export const readCommandConfig = (): Config => {
  const read = readConfig(process.env, { services: [] });
  if (!read.ok) throw new UsageError(read.problems);
  for (const warning of read.config.warnings) note(`warning: ${warning}`);
  return read.config;
};

const LOCAL = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * The key to call the server with: the one that is set, else, of a server on this machine, the one
 * that it generated. @throws UsageError where there is none.
 */
export const findApiKey = async ({ apiKey, serverUrl, dataDir }: Config): Promise<string> => {
  if (apiKey !== undefined) return apiKey;
  if (!LOCAL.test(new URL(serverUrl).hostname)) {
    throw new UsageError(['SWITCHYARD_API_KEY is not set; it is the key to call the server with.']);
  }
  const file = path.join(dataDir, SECRETS_FILE_NAME);
  try {
    // A command that only talks must not make secrets, so the file has to be there already.
    await access(file);
  } catch (cause) {
    const problem =
      `SWITCHYARD_API_KEY is not set, and no generated key can be read in ${dataDir}; set it, or ` +
      "set SWITCHYARD_DATA_DIR to the server's data directory.";
    throw new UsageError([problem], { cause });
  }
  try {
    return (await loadOrCreateSecrets(dataDir)).apiKey;
  } catch (error) {
    if (error instanceof SecretsError) throw new UsageError([error.message], { cause: error });
    throw error;
  }
};
