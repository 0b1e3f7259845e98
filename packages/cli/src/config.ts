import {
  type Config,
  type ConfigFileResult,
  type ConfigResult,
  readConfig,
  readConfigFile,
  readSecrets,
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

/** All that a machine says to Switchyard, right or wrong. */
export type Surroundings = {
  readonly environment: ConfigResult;
  readonly file: ConfigFileResult;
  /** Where programs are looked for. */
  readonly searchPath: string | undefined;
};

/** Reads the environment and the configuration file, and refuses nothing. */
export const readSurroundings = async (): Promise<Surroundings> => {
  const environment = readConfig(process.env, { services: [] });
  const named = environment.ok ? environment.config.configPath : process.env.SWITCHYARD_CONFIG;
  const file = await readConfigFile(named);
  return { environment, file, searchPath: process.env.PATH };
};

/** Names of this machine, as they stand in URLs. */
const LOCAL = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether a URL is of a server on this machine. */
export const isLocal = (url: string): boolean => LOCAL.test(new URL(url).hostname);

/**
 * The key to call the server with: the one that is set, else, of a server on this machine, the one
 * that it generated. @throws UsageError where there is none.
 */
export const findApiKey = async ({ apiKey, serverUrl, dataDir }: Config): Promise<string> => {
  if (apiKey !== undefined) return apiKey;
  if (!isLocal(serverUrl)) {
    throw new UsageError(['SWITCHYARD_API_KEY is not set; it is the key to call the server with.']);
  }
  try {
    const secrets = await readSecrets(dataDir);
    if (secrets !== undefined) return secrets.apiKey;
  } catch (error) {
    if (error instanceof SecretsError) throw new UsageError([error.message], { cause: error });
    throw error;
  }
  throw new UsageError([
    `SWITCHYARD_API_KEY is not set, and no generated key can be read in ${dataDir}; set it, or ` +
      "set SWITCHYARD_DATA_DIR to the server's data directory.",
  ]);
};
