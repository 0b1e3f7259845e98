import {
  type Config,
  type ConfigFileResult,
  findMissingTemplates,
  readConfig,
  readConfigFile,
  SERVICE_NAMES,
  type ServiceName,
} from '@switchyard/runtime';

type File = Extract<ConfigFileResult, { ok: true }>;

export type UpConfig =
  | { readonly ok: true; readonly config: Config; readonly file: File; readonly isByNpm: boolean }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads all that `up` is told, by the environment and the file; names every problem at once. */
export const readUpConfig = async (asked: readonly string[]): Promise<UpConfig> => {
  const services = SERVICE_NAMES.filter((name) => asked.length === 0 || asked.includes(name));
  const strangers = asked.filter((name) => !SERVICE_NAMES.includes(name as ServiceName));
  const problems = strangers.map(
    (name) => `There is no service ${JSON.stringify(name)}; there are ${SERVICE_NAMES.join(', ')}.`,
  );
  const environment = readConfig(process.env, { services });
  if (!environment.ok) problems.push(...environment.problems);
  const file = await readConfigFile(
    environment.ok ? environment.config.configPath : process.env.SWITCHYARD_CONFIG,
  );
  if (!file.ok) problems.push(...file.problems);
  else if (services.includes('supervisor')) problems.push(...problemsOfTemplates(file));
  if (problems.length > 0 || !environment.ok || !file.ok) return { ok: false, problems };
  const isByNpm = process.env.npm_lifecycle_event !== undefined;
  return { ok: true, config: environment.config, file, isByNpm };
};

const problemsOfTemplates = ({ file, path }: File): string[] =>
  findMissingTemplates(file).map((problem) => `${path}: ${problem}`);

/** The environment of this process, for a child that reads its configuration itself. */
export const environment = (): Readonly<Record<string, string | undefined>> => process.env;
