import { setTimeout as pause } from 'node:timers/promises';
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { isContended, isPassing, isSessionLost, StoreUnavailable } from './errors.ts';
import type { Database } from './schema.ts';
import type { Statement } from './statement.ts';

/**
 * What is refused because of others at the same rows (`isContended`) is tried again a few times:
 * `work` may be called more than once, and only the last call's changes hold.
 */
export interface Store {
  /** Runs a prepared statement. @throws StoreUnavailable when it may work later. */
  run<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
  /** As `run`, on a connection whose planner settings pin the plan to index ranges. */
  runPinned<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
  /**
   * Runs `work` in a transaction, on a connection of that kind.
   * @throws StoreUnavailable as `run`.
   */
  inTransaction<Result>(
    kind: 'plain' | 'pinned',
    work: (run: Store['run']) => Promise<Result>,
  ): Promise<Result>;
  /**
   * For statements off the hot path; `name` says which, as the name of a prepared one does.
   * @throws StoreUnavailable as `run`.
   */
  query<Result>(name: string, work: (db: Kysely<Database>) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

export type StoreOptions = {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly connections?: number;
  readonly pinnedConnections?: number;
  /** Hears of connections that broke while idle. */
  readonly onIdleError?: (error: Error) => void;
};

/** How many connections the pools of a process open at most, unless it is told otherwise. */
const PLAIN_MAX = 10;
const PINNED_MAX = 6;
export const CONNECTIONS_MAX = PLAIN_MAX + PINNED_MAX;

/** Big integers fit a double here: counts, ms and sequence numbers stay below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8
      ? Number
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/**
 * With stale statistics Postgres sorts the whole queue instead of walking its index; these leave
 * it no choice. Hash joins stay on: without them larger batches are slower.
 */
const PINNED = [
  'enable_sort=off',
  'enable_bitmapscan=off',
  'enable_seqscan=off',
  'plan_cache_mode=force_generic_plan',
  'jit=off',
];
const EVERYWHERE = ['timezone=UTC', 'client_min_messages=warning'];

/** Opens the pools; connects on first use. */
export const openStore = (options: StoreOptions): Store => {
  const plain = openPool(options, options.connections ?? PLAIN_MAX, []);
  const pinned = openPool(options, options.pinnedConnections ?? PINNED_MAX, PINNED);
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: guardPool(plain) }) });
  return {
    run: (statement, values) => asStore(() => runOn(plain, statement, values)),
    runPinned: (statement, values) => asStore(() => runOn(pinned, statement, values)),
    inTransaction: (kind, work) =>
      asStore(() => transact(kind === 'pinned' ? pinned : plain, work)),
    query: (_name, work) => asStore(() => work(db)),
    close: async () => {
      await Promise.all([plain.end(), pinned.end()]);
    },
  };
};

const openPool = (options: StoreOptions, max: number, settings: readonly string[]): pg.Pool => {
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max,
    types,
    connectionTimeoutMillis: 3_000,
    // Those that a burst opened go soon, as others may need them; one stays warm.
    idleTimeoutMillis: 20_000,
    min: 1,
    statement_timeout: 10_000,
    lock_timeout: 5_000,
    idle_in_transaction_session_timeout: 10_000,
    query_timeout: 12_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    options: [...EVERYWHERE, ...settings].map((setting) => `-c ${setting}`).join(' '),
  });
  // Without a listener, an idle connection that dies would end the process.
  pool.on('error', (error) => options.onIdleError?.(error));
  // One that dies between checkout and query tells its pool through the next query.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
};

/**
 * The pool for kysely, which gives connections back whatever became of their statements: here one
 * that must not be used again ends instead, and refuses at once what was to follow, as a rollback.
 */
const guardPool = (pool: pg.Pool): PostgresPool => ({
  options: pool.options,
  connect: async () => guardClient(await pool.connect()),
  end: () => pool.end(),
});

const guardClient = (client: pg.PoolClient): PostgresPoolClient => {
  const lost: unknown[] = [];
  const query = async (text: string, values: readonly unknown[]): Promise<pg.QueryResult> => {
    if (lost.length > 0) throw lost[0];
    try {
      return await client.query(text, [...values]);
    } catch (error) {
      if (isSessionLost(error)) lost.push(error);
      throw error;
    }
  };
  const guarded = { query, release: () => client.release(lost.length > 0) };
  return new Proxy(client, {
    get: (target, key): unknown => Reflect.get(key in guarded ? guarded : target, key),
  });
};

const runOn = async <Row extends object>(
  pool: pg.Pool,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> => {
  const client = await pool.connect();
  try {
    const result = await client.query<Row>({ ...statement, values: [...values] });
    client.release();
    return result.rows;
  } catch (error) {
    client.release(isSessionLost(error));
    throw error;
  }
};

const transact = async <Result>(
  pool: pg.Pool,
  work: (run: Store['run']) => Promise<Result>,
): Promise<Result> => {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await work(
      async <Row extends object>(statement: Statement, values: readonly unknown[]) =>
        (await client.query<Row>({ ...statement, values: [...values] })).rows,
    );
    await client.query('commit');
    client.release();
    return result;
  } catch (error) {
    // Ending the connection rolls back, whatever state it is in.
    client.release(true);
    throw error;
  }
};

/** What is refused because of others is tried as often before the caller hears of it. */
const TRIES_MAX = 5;
/** No try begins later than this after the first one, in ms, as callers wait for the answer. */
const TRY_WITHIN_MS = 6_000;
/** The longest pause before the second try, in ms; it grows with each. */
const TRY_AGAIN_MS = 20;

const asStore = async <Result>(work: () => Promise<Result>): Promise<Result> => {
  const untilMs = performance.now() + TRY_WITHIN_MS;
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isContended(error) || tries === TRIES_MAX || performance.now() > untilMs) {
        throw isPassing(error) && !(error instanceof StoreUnavailable)
          ? new StoreUnavailable(error)
          : error;
      }
    }
    // By chance, so that those that met do not meet again.
    await pause(Math.random() * TRY_AGAIN_MS * tries);
  }
};
