import { type Broker, openBroker } from '@switchyard/broker';
import { newInstanceId, streams, topics } from '@switchyard/contracts';
import { createNotifier, type NotifierContext } from '@switchyard/notifier';
import {
  createLog,
  createMetrics,
  createSealer,
  createTargetGuard,
  type Sealer,
} from '@switchyard/runtime';
import { migrate, openStore, type Store } from '@switchyard/store';
import { withDatabase } from '../support/database.ts';

/** What a notifier needs, on a database and a broker of the test's own. */
export type Ground = AsyncDisposable & {
  readonly url: string;
  readonly store: Store;
  readonly broker: Broker;
  readonly sealer: Sealer;
  /** Lines of the log, the newest last. */
  readonly lines: string[];
  /** Starts a notifier that is stopped at the end; `change` puts other parts in. */
  startNotifier(change?: Partial<NotifierContext>): Promise<RunningNotifier>;
  hintDue(): void;
  hintAppended(): void;
};

export type RunningNotifier = { stop(): Promise<void>; metrics(): Promise<string> };

export type GroundOptions = {
  readonly brokerUrl?: string;
  /** A database of the test's own; by default an empty one is made. */
  readonly databaseUrl?: string;
};

const NOTHING = new Uint8Array();
const DRAIN_MS = 15_000;

export const layGround = async (options: GroundOptions = {}): Promise<Ground> => {
  const database = options.databaseUrl === undefined ? await withDatabase() : undefined;
  const url = options.databaseUrl ?? database?.url ?? '';
  await migrate(url);
  const store = openStore({ url, applicationName: 'test' });
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    pretty: false,
    service: 'notifier',
    instance: 'test',
    destination: { write: (line) => lines.push(line) },
  });
  const broker = await openBroker(options.brokerUrl, {
    name: 'test',
    log,
    streams: [streams.events],
  });
  const sealer = createSealer([Buffer.alloc(32, 7)]);
  const targetGuard = createTargetGuard({ allowPrivateTargets: ['127.0.0.0/8'] });
  const running: RunningNotifier[] = [];

  return {
    url,
    store,
    broker,
    sealer,
    lines,
    startNotifier: async (change = {}) => {
      const metrics = createMetrics({ service: 'notifier' });
      const parts = { store, broker, log, metrics, sealer, targetGuard, drainMs: DRAIN_MS };
      const notifier = createNotifier({ ...parts, instance: newInstanceId(), ...change });
      await notifier.start();
      const started = {
        stop: () => notifier.stop(),
        metrics: async () => (await metrics.render()).body,
      };
      running.push(started);
      return started;
    },
    hintDue: () => broker.hint(topics.due, NOTHING),
    hintAppended: () => broker.hint(topics.appended, NOTHING),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(running.map((notifier) => notifier.stop()));
      await broker.close();
      await store.close();
      await database?.close();
    },
  };
};
