import {
  type Config,
  findEmbeddedPostgres,
  type KeptSecrets,
  readSecrets,
  SecretsError,
} from '@switchyard/runtime';
import type { Surroundings } from '../config.ts';
import { checkBroker } from './check-broker.ts';
import { checkDataDirectory, checkEnvironment, checkFile } from './check-configuration.ts';
import { checkDatabase } from './check-database.ts';
import { checkServer } from './check-server.ts';
import { AREAS, type Finding, findingsOf } from './finding.ts';

/**
 * Looks at everything that Switchyard needs, starts nothing and changes nothing.
 * @returns what was found, area by area; what cannot be looked at for another fault is left out.
 */
export const examine = async ({
  environment,
  file,
  searchPath,
}: Surroundings): Promise<Finding[]> => {
  const parts: Promise<readonly Finding[]>[] = [
    Promise.resolve(checkEnvironment(environment)),
    checkFile(file, searchPath),
  ];
  if (environment.ok) {
    const { config } = environment;
    const secrets = await keptSecrets(config);
    parts.push(
      checkDataDirectory(config),
      Promise.resolve(secrets.findings),
      findDatabase(config, secrets.kept),
      checkBroker(config.brokerUrl),
      checkServer(config, config.apiKey ?? secrets.kept?.apiKey),
    );
  }
  const findings = (await Promise.all(parts)).flat();
  return AREAS.flatMap((area) => findings.filter((one) => one.area === area));
};

/** The generated secrets of this machine, where nothing else is configured. */
const keptSecrets = async ({ dataDir }: Config) => {
  const { error } = findingsOf('configuration');
  try {
    return { kept: await readSecrets(dataDir), findings: [] };
  } catch (cause) {
    if (!(cause instanceof SecretsError)) throw cause;
    const remedy = 'Run this as the user that runs Switchyard, or restore the file from a backup.';
    return { kept: undefined, findings: [error('secrets.unreadable', cause.message, remedy)] };
  }
};

const findDatabase = async (
  config: Config,
  secrets: KeptSecrets | undefined,
): Promise<Finding[]> => {
  const { databaseUrl, dataDir, brokerUrl } = config;
  const { fine } = findingsOf('database');
  const url = databaseUrl ?? (await findEmbeddedPostgres(dataDir));
  if (url === undefined) {
    return [fine('database', 'DATABASE_URL is not set, and no embedded database runs here.')];
  }
  const masterKeys =
    config.masterKeys ?? (databaseUrl === undefined ? secrets?.masterKeys : undefined);
  return checkDatabase({ url, masterKeys, isSpread: brokerUrl !== undefined });
};
