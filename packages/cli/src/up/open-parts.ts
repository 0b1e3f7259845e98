import { type Broker, openBroker, type StreamSpec } from '@switchyard/broker';
import { type InstanceId, newInstanceId, streams } from '@switchyard/contracts';
import {
  type Config,
  type ConfigFileResult,
  createHealth,
  createLog,
  createMetrics,
  createSealer,
  createTargetGuard,
  type EmbeddedPostgres,
  type Failpoints,
  type Health,
  type Log,
  loadOrCreateSecrets,
  type Metrics,
  openFailpoints,
  type Sealer,
  type ServiceName,
  startEmbeddedPostgres,
  type TargetGuard,
} from '@switchyard/runtime';
import { createKeyRing, type KeyRing, migrate, openStore, type Store } from '@switchyard/store';
import { checkMasterKey } from './check-master-key.ts';
import { armBroker } from './failpoints/arm-broker.ts';
import { armStore } from './failpoints/arm-store.ts';
import { START_WAIT_MS, whileAway } from './while-away.ts';

/** Everything that services share in one process, open and ready. */
export type Parts = {
  readonly config: Config;
  readonly file: Extract<ConfigFileResult, { ok: true }>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly instance: InstanceId;
  readonly store: Store;
  readonly broker: Broker;
  readonly keyRing: KeyRing;
  readonly sealer: Sealer;
  readonly targetGuard: TargetGuard;
  readonly apiKey: string | undefined;
  /** The API key was made by this start, and is to be shown. */
  readonly isKeyNew: boolean;
  readonly postgres: EmbeddedPostgres | undefined;
  /** Undefined but for tests. */
  readonly failpoints: Failpoints | undefined;
  close(): Promise<void>;
};

/** A service asks for its own alone, so that its user on the broker needs no right to others. */
const STREAMS_OF: Readonly<Record<ServiceName, readonly StreamSpec[]>> = {
  intake: [streams.submissions, streams.deadLetters],
  scheduler: [],
  supervisor: [],
  notifier: [streams.events],
};

/**
 * Opens the database (the embedded one where none is named), migrates it, and opens the broker.
 * What was opened is closed again when a later step throws.
 */
export const openParts = async (config: Config, file: Parts['file']): Promise<Parts> => {
  await using opening = new AsyncDisposableStack();
  const instance = newInstanceId();
  const service = config.allInOne ? 'switchyard' : config.services.join('+');
  const log = createLog({
    level: config.logLevel,
    ...(config.logPretty === undefined ? {} : { pretty: config.logPretty }),
    service,
    instance,
  });
  for (const warning of config.warnings) log.warn(warning);
  const postgres = await startPostgres(config, log);
  opening.defer(() => postgres?.stop());
  const secrets =
    config.databaseUrl === undefined ? await loadOrCreateSecrets(config.dataDir) : undefined;
  const url = postgres?.url ?? config.databaseUrl ?? '';
  await migrateWhenThere(url, log);
  const failpoints =
    config.failpoints === undefined ? undefined : openFailpoints(config.failpoints);
  if (failpoints !== undefined) log.warn('Failpoints are armed: this is a test');
  const plainStore = openStore({
    url,
    applicationName: `switchyard ${service}`,
    onIdleError: (error) => log.debug({ err: error }, 'an idle connection broke'),
  });
  opening.defer(() => plainStore.close());
  const store = failpoints === undefined ? plainStore : armStore(plainStore, failpoints);
  const sealer = createSealer(config.masterKeys ?? secrets?.masterKeys ?? []);
  await whileAway(log, () => checkMasterKey(store, sealer));
  const connected = await openBroker(config.brokerUrl, {
    name: `switchyard ${service}`,
    log,
    connectTimeoutMs: START_WAIT_MS,
    streams: config.services.flatMap((name) => STREAMS_OF[name]),
  });
  opening.defer(() => connected.close());
  const broker = failpoints === undefined ? connected : armBroker(connected, failpoints);
  // Late, so that a start that database or broker refuse makes no key that nobody is shown.
  const kept =
    secrets ?? (wantsKey(config) ? await loadOrCreateSecrets(config.dataDir) : undefined);
  const apiKey = config.apiKey ?? kept?.apiKey;
  const health = createHealth();
  addChecks(health, store, broker);
  const parts = {
    config,
    file,
    log,
    metrics: createMetrics({ service }),
    health,
    instance,
    store,
    broker,
    keyRing: createKeyRing(store, apiKey),
    sealer,
    targetGuard: createTargetGuard({
      allowPrivateTargets: file.file.webhooks?.allowPrivateTargets ?? [],
    }),
    apiKey,
    isKeyNew: config.apiKey === undefined && kept?.created === true,
    postgres,
    failpoints,
  };
  const opened = opening.move();
  return { ...parts, close: () => opened.disposeAsync() };
};

/** An intake without any key could be called by nobody, so that it makes one. */
const wantsKey = ({ apiKey, services }: Config): boolean =>
  apiKey === undefined && services.includes('intake');

const startPostgres = (config: Config, log: Log): Promise<EmbeddedPostgres> | undefined =>
  config.databaseUrl === undefined
    ? startEmbeddedPostgres({ dataDir: config.dataDir, log })
    : undefined;

const migrateWhenThere = (url: string, log: Log): Promise<void> =>
  whileAway(log, async () => {
    const steps = await migrate(url);
    if (steps.length > 0) log.info({ steps }, 'the database was migrated');
  });

const addChecks = (health: Health, store: Store, broker: Broker): void => {
  health.register('database', async () => {
    try {
      await store.run({ name: 'ping', text: 'select 1 as one' }, []);
      return { ok: true };
    } catch {
      return { ok: false, detail: 'The database does not answer.' };
    }
  });
  // Told, but no reason to send clients and workers elsewhere: without it all goes on, if slower.
  health.register('broker', () =>
    broker.stats().connected ? { ok: true } : { ok: true, detail: 'The broker is away.' },
  );
};
