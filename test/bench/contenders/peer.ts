import { freePort } from '../../support/free-port.ts';
import type { Arena, BenchWorker, BulkReport, Contender, Front } from '../contender.ts';
import type { EngineName } from '../engine.ts';
import { type EngineStore, openPostgresStore, openRedisStore } from '../engine-stores.ts';
import { openEngine } from '../open-engine.ts';
import { PLAIN_INPUT } from '../payload.ts';
import type { BulkPlan } from '../programs/engine-bulk.ts';
import type { FrontPlan } from '../programs/front.ts';
import type { RedisSync } from '../servers/redis.ts';
import type { Servers } from '../servers.ts';
import { startProgram } from '../start-program.ts';

const FILL_CALL = 1_000;

/** Opens the empty store of `engine`. */
export const openStoreOf = async (
  engine: EngineName,
  servers: Servers,
  sync: RedisSync = 'everysec',
): Promise<EngineStore> => {
  if (engine === 'bullmq') return openRedisStore((await servers.redis(sync)).url);
  const postgres = await servers.postgres();
  const url = await postgres.createDatabase();
  const store = await openPostgresStore(engine, url);
  return {
    ...store,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await postgres.dropDatabase(url);
    },
  };
};

const fill = async (engineName: EngineName, url: string, count: number): Promise<void> => {
  const engine = await openEngine({ engine: engineName, url, purpose: 'throughput' });
  const input: object = JSON.parse(PLAIN_INPUT);
  for (let left = count; left > 0; left -= FILL_CALL) {
    await engine.addMany(Array.from({ length: Math.min(FILL_CALL, left) }, () => input));
  }
  await engine.stop();
};

const startWorker = async (engine: EngineName, url: string): Promise<BenchWorker> => {
  const program = startProgram('engine-worker', { engine, url, purpose: 'throughput' });
  const beganMs = await program.began;
  await program.ready;
  return {
    pid: program.pid,
    beganMs,
    count: program.count,
    startLatenciesMs: () => Promise.reject(new Error('read by engine-latency')),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
};

const openArena = async (
  engine: EngineName,
  servers: Servers,
  sync?: RedisSync,
): Promise<Arena> => {
  const parts = new AsyncDisposableStack();
  const store = parts.use(await openStoreOf(engine, servers, sync));
  const startFront = async (): Promise<Front> => {
    const port = await freePort();
    const plan: FrontPlan = { engine, url: store.url, purpose: 'throughput', port };
    const program = parts.use(startProgram('front', plan));
    await program.ready;
    return { origin: `http://127.0.0.1:${port}`, path: '/v2/bench/run', headers: {} };
  };
  let front: Promise<Front> | undefined;
  return {
    front: () => {
      front ??= startFront();
      return front;
    },
    startWorker: async () => parts.use(await startWorker(engine, store.url)),
    fill: async (count) => {
      await fill(engine, store.url, count);
      await store.analyze();
    },
    submitBulk: async (jobs) => {
      const plan: BulkPlan = { engine, url: store.url, purpose: 'throughput', jobs };
      return parts.use(startProgram<BulkReport>('engine-bulk', plan));
    },
    remaining: store.remaining,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};

/** A queue library behind the bench's own front, its worker in a process of its own. */
export type Peer = Contender & {
  readonly engine: EngineName;
  readonly sync?: RedisSync;
};

const peer = (name: string, engine: EngineName, sync?: RedisSync): Peer => ({
  name,
  engine,
  isOnPostgres: engine !== 'bullmq',
  ...(sync === undefined ? {} : { sync }),
  open: (servers) => openArena(engine, servers, sync),
});

export const PEERS: readonly Peer[] = [
  peer('reference', 'reference'),
  peer('pg-boss', 'pg-boss'),
  peer('graphile-worker', 'graphile-worker'),
  peer('bullmq everysec', 'bullmq', 'everysec'),
  peer('bullmq always', 'bullmq', 'always'),
];
