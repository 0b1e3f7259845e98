import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

/** The tables that every job passes through. */
const HOT = ['queue', 'leases', 'counts', 'workers', 'jobs', 'results', 'events', 'deliveries'];

const STATEMENT = statement({
  name: 'read_dead_rows',
  text: `select relname as name, n_dead_tup as dead, n_live_tup as live
  from pg_stat_user_tables
  where schemaname = current_schema() and relname = any ('{${HOT.join(',')}}'::name[])
  order by relname`,
});

const OLDEST = statement({
  name: 'read_horizon_age',
  text: `select coalesce(max(floor(extract(epoch from clock_timestamp() - xact_start) * 1000)), 0)
    ::bigint as age_ms
  from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
    and (backend_xid is not null or backend_xmin is not null)`,
});

/** Estimates of Postgres's statistics. */
export type DeadRows = { readonly name: string; readonly dead: number; readonly live: number };

/** How many rows of each table that jobs pass through wait for vacuum to clear them away. */
export const readDeadRows = (store: Store): Promise<DeadRows[]> =>
  store.run<DeadRows>(STATEMENT, []);

/** The age of the oldest transaction on the database, in ms: no row that died since can go. */
export const readHorizonAge = async (store: Store): Promise<number> =>
  (await store.run<{ age_ms: number }>(OLDEST, []))[0]?.age_ms ?? 0;
