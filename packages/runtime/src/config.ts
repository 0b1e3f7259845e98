import { closestName } from './config/closest-name.ts';
import * as read from './config/read-value.ts';

/** The services, in the order in which one process starts them. */
export const SERVICE_NAMES = ['intake', 'scheduler', 'supervisor', 'notifier'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** Everything that the environment says, checked, with defaults filled in. Frozen. */
export type Config = {
  /** The services that run in this process; none for a command that only talks to a server. */
  readonly services: readonly ServiceName[];
  /** All four services run here, so that they share one HTTP door and may share one broker. */
  readonly allInOne: boolean;
  /** Unset: the embedded Postgres of `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** Unset: the broker inside this process. May list several servers of one cluster. */
  readonly brokerUrl: string | undefined;
  readonly host: string;
  /** 0 asks for a free port. */
  readonly ports: Readonly<Record<PortName, number>>;
  readonly dataDir: string;
  /** Unset: `switchyard.yaml`, where there is one. */
  readonly configPath: string | undefined;
  /** Unset: the generated one of `dataDir` in embedded mode and where intake runs, else none. */
  readonly apiKey: string | undefined;
  /** 32 bytes each; the first seals, all open. Unset: the generated one of embedded mode. */
  readonly masterKeys: readonly Buffer[] | undefined;
  /** The server that the command line talks to. */
  readonly serverUrl: string;
  readonly logLevel: read.LogLevel;
  /** Unset: pretty where standard output is a terminal. */
  readonly logPretty: boolean | undefined;
  /** Unset: no traces. */
  readonly traceUrl: string | undefined;
  /** For tests alone: where this process is to crash, fail or wait. Unset: nowhere. */
  readonly failpoints: string | undefined;
  /** What is odd but ends nothing, as sentences: unknown `SWITCHYARD_*` names, a short key. */
  readonly warnings: readonly string[];
};
export type PortName = 'api' | 'worker' | 'scheduler' | 'notifier';

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Every variable that Switchyard reads. */
const VARIABLES = [
  'DATABASE_URL',
  'BROKER_URL',
  'SWITCHYARD_HOST',
  'PORT',
  'WORKER_PORT',
  'SCHEDULER_PORT',
  'NOTIFIER_PORT',
  'SWITCHYARD_DATA_DIR',
  'SWITCHYARD_CONFIG',
  'SWITCHYARD_API_KEY',
  'SWITCHYARD_MASTER_KEY',
  'SWITCHYARD_URL',
  'LOG_LEVEL',
  'LOG_PRETTY',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'SWITCHYARD_FAILPOINTS',
] as const;
type Variable = (typeof VARIABLES)[number];

/** A shorter key than this may be guessed. */
const API_KEY_SAFE_LENGTH = 16;

const OURS = VARIABLES.filter((name) => name.startsWith('SWITCHYARD_'));

/**
 * Reads the configuration of a process that runs `services` out of `env`: an empty variable counts
 * as unset. Every bad value is named at once, one sentence each, and no sentence holds the value of
 * a variable that may carry a secret. The other modules get the result; none reads the environment.
 */
export const readConfig = (
  env: Readonly<Record<string, string | undefined>>,
  asked: { readonly services: readonly ServiceName[] | 'all' },
): ConfigResult => {
  const services = asked.services === 'all' ? SERVICE_NAMES : asked.services;
  const allInOne = SERVICE_NAMES.every((name) => services.includes(name));
  const problems: string[] = [];
  const take = <Value>(name: Variable, parse: read.Parser<Value>): Value | undefined => {
    const text = env[name]?.trim();
    if (text === undefined || text === '') return undefined;
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    problems.push(`${name} ${parsed.problem}`);
    return undefined;
  };
  const apiKey = take('SWITCHYARD_API_KEY', read.apiKey);
  const config: Config = {
    services: Object.freeze([...services]),
    allInOne,
    databaseUrl: take('DATABASE_URL', read.databaseUrl),
    brokerUrl: take('BROKER_URL', read.brokerUrl),
    host: take('SWITCHYARD_HOST', read.host) ?? '127.0.0.1',
    ports: Object.freeze({
      api: take('PORT', read.port) ?? 8080,
      worker: take('WORKER_PORT', read.port) ?? 8081,
      scheduler: take('SCHEDULER_PORT', read.port) ?? 8082,
      notifier: take('NOTIFIER_PORT', read.port) ?? 8083,
    }),
    dataDir: take('SWITCHYARD_DATA_DIR', read.path) ?? '.switchyard',
    configPath: take('SWITCHYARD_CONFIG', read.path),
    apiKey,
    masterKeys: take('SWITCHYARD_MASTER_KEY', read.masterKeys),
    serverUrl: take('SWITCHYARD_URL', read.httpUrl) ?? 'http://127.0.0.1:8080',
    logLevel: take('LOG_LEVEL', read.logLevel) ?? 'info',
    logPretty: take('LOG_PRETTY', read.flag),
    traceUrl: take('OTEL_EXPORTER_OTLP_ENDPOINT', read.httpUrl),
    failpoints: take('SWITCHYARD_FAILPOINTS', read.failpoints),
    warnings: Object.freeze([...unknownNames(env), ...shortKeys(services, apiKey)]),
  };
  problems.push(...whatIsMissing(services, allInOne, (name) => (env[name] ?? '').trim() !== ''));
  return problems.length > 0
    ? { ok: false, problems }
    : { ok: true, config: Object.freeze(config) };
};

/** What a process that runs services cannot do without. Other commands ask a server for it. */
const whatIsMissing = (
  services: readonly ServiceName[],
  allInOne: boolean,
  isSet: (name: Variable) => boolean,
): string[] => {
  if (services.length === 0) return [];
  const missing: string[] = [];
  if (!allInOne && !isSet('BROKER_URL')) {
    missing.push(
      'BROKER_URL is not set, and the in-process broker serves one process only; ' +
        `set it, or run all of ${SERVICE_NAMES.join(', ')} in this process.`,
    );
  }
  if (isSet('DATABASE_URL') && !isSet('SWITCHYARD_MASTER_KEY')) {
    missing.push(
      'SWITCHYARD_MASTER_KEY is not set, and with DATABASE_URL none is generated; ' +
        'set it to 32 random bytes in base64 (openssl rand -base64 32).',
    );
  }
  return missing;
};

/** Told where the key opens doors; a command may have been given no better one. */
const shortKeys = (services: readonly ServiceName[], apiKey: string | undefined): string[] =>
  services.length > 0 && apiKey !== undefined && apiKey.length < API_KEY_SAFE_LENGTH
    ? [
        `SWITCHYARD_API_KEY is shorter than ${API_KEY_SAFE_LENGTH} characters, so that it may be ` +
          'guessed.',
      ]
    : [];

const unknownNames = (env: Readonly<Record<string, string | undefined>>): string[] =>
  Object.keys(env)
    .filter((name) => name.startsWith('SWITCHYARD_') && !OURS.some((known) => known === name))
    .sort()
    .map(
      (name) => `${read.show(name)} is not a known name; did you mean ${closestName(name, OURS)}?`,
    );
