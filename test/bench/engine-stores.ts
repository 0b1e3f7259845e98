import { Redis } from 'ioredis';
import pg from 'pg';
import type { EngineName } from './engine.ts';
import { REFERENCE_TABLES } from './engines/reference.ts';

/** The store of an engine, as the bench looks into it from outside. */
export type EngineStore = AsyncDisposable & {
  readonly url: string;
  /** Jobs that are not terminal. */
  readonly remaining: () => Promise<number>;
  /** Gathers statistics, as the server does by itself some time after a change. */
  readonly analyze: () => Promise<void>;
};

const UNFINISHED: Readonly<Record<Exclude<EngineName, 'bullmq'>, string>> = {
  reference: 'select (select count(*) from queue) + (select count(*) from running) as jobs',
  'pg-boss': `select count(*) as jobs from pgboss.job where name = 'bench' and state < 'completed'`,
  'graphile-worker': 'select count(*) as jobs from graphile_worker._private_jobs',
};

/** The store of an engine on Postgres, in an empty database at `url`. */
export const openPostgresStore = async (
  engine: Exclude<EngineName, 'bullmq'>,
  url: string,
): Promise<EngineStore> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  if (engine === 'reference') await client.query(REFERENCE_TABLES);
  return {
    url,
    remaining: async () => {
      const { rows } = await client.query<{ jobs: string }>(UNFINISHED[engine]);
      return Number(rows[0]?.jobs);
    },
    analyze: async () => {
      await client.query('analyze');
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
};

/** BullMQ's store on a Redis that is emptied first. */
export const openRedisStore = async (url: string): Promise<EngineStore> => {
  const redis = new Redis(url);
  await redis.flushall();
  return {
    url,
    remaining: async () =>
      (await redis.llen('bull:bench:wait')) + (await redis.llen('bull:bench:active')),
    analyze: async () => undefined,
    [Symbol.asyncDispose]: async () => {
      await redis.quit();
    },
  };
};
