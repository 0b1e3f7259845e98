import { type NatsOptions, startNats, type TestNats } from '../support/nats.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { type BenchRedis, type RedisSync, startRedis } from './servers/redis.ts';

/** What contenders stand on, started when first asked for, the same for all of a run. */
export type Servers = AsyncDisposable & {
  readonly postgres: () => Promise<TestPostgres>;
  readonly nats: () => Promise<TestNats>;
  readonly redis: (sync: RedisSync) => Promise<BenchRedis>;
};

/** Durability is Postgres's default; the rest is what its documentation gives a small server. */
const POSTGRES_SETTINGS = { shared_buffers: '512MB', max_wal_size: '4GB' } as const;

/** No server yet. `settings` are Postgres's, beside those above; `natsOptions` are NATS's. */
export const openServers = (
  settings: Readonly<Record<string, string | number>> = {},
  natsOptions: NatsOptions = {},
): Servers => {
  const started = new AsyncDisposableStack();
  const starting = new Set<Promise<AsyncDisposable>>();
  const once = <Server extends AsyncDisposable>(start: () => Promise<Server>) => {
    let server: Promise<Server> | undefined;
    return (): Promise<Server> => {
      server ??= start().then((one) => started.use(one));
      starting.add(server);
      return server;
    };
  };
  const redis = {
    everysec: once(() => startRedis('everysec')),
    always: once(() => startRedis('always')),
  };
  return {
    postgres: once(() => startPostgres({ settings: { ...POSTGRES_SETTINGS, ...settings } })),
    nats: once(() => startNats(natsOptions)),
    redis: (sync) => redis[sync](),
    [Symbol.asyncDispose]: async () => {
      // One that is starting would otherwise outlive the run.
      await Promise.allSettled(starting);
      await started.disposeAsync();
    },
  };
};
