import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

/** A transaction that is open for this long keeps dead rows from being cleared, in ms. */
const LONG_TRANSACTION_MS = 300_000;

const SERVER = statement({
  name: 'inspect_server',
  text: `select current_setting('server_version') as version,
  current_setting('server_version_num')::int as version_number,
  current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on' as is_safe,
  current_setting('synchronous_commit') <> 'off' as waits_for_disk,
  pg_is_in_recovery() as is_standby,
  least(
    current_setting('max_connections')::int
      - current_setting('superuser_reserved_connections')::int
      - coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::int,
    (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user),
    (select nullif(datconnlimit, -1) from pg_database where datname = current_database())
  ) as connections,
  (select count(*) from pg_stat_activity where backend_type = 'client backend'
    and application_name not like 'switchyard%')::int as others,
  extract(epoch from clock_timestamp()) * 1000 as now_ms,
  to_regclass('migrations') is not null as has_migrations,
  to_regclass('seal_check') is not null as has_seal_check`,
});

const MIGRATIONS = statement({
  name: 'inspect_migrations',
  text: 'select name from migrations order by name',
});

const LONGEST = statement({
  name: 'inspect_transactions',
  text: `select pid, application_name,
    floor(extract(epoch from clock_timestamp() - xact_start) * 1000)::bigint as age_ms
  from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
    and xact_start < clock_timestamp() - ${LONG_TRANSACTION_MS} * interval '1 ms'
  order by xact_start limit 1`,
});

export type ServerFacts = {
  readonly version: string;
  readonly versionNumber: number;
  /** What was committed survives a crash of the machine. */
  readonly isSafe: boolean;
  readonly waitsForDisk: boolean;
  readonly isStandby: boolean;
  /** How many this role may have in this database, all of its processes together. */
  readonly connections: number;
  /** How many are in use by others. */
  readonly others: number;
  readonly nowMs: number;
  readonly hasSealCheck: boolean;
  /** The names of the steps of the schema that were applied. */
  readonly applied: readonly string[];
};

type ServerRow = {
  version: string;
  version_number: number;
  is_safe: boolean;
  waits_for_disk: boolean;
  is_standby: boolean;
  connections: number;
  others: number;
  now_ms: string;
  has_migrations: boolean;
  has_seal_check: boolean;
};

/** What a Postgres says of itself; works on a database of any schema, and changes nothing. */
export const inspectServer = async (store: Store): Promise<ServerFacts> => {
  const [row] = await store.run<ServerRow>(SERVER, []);
  if (row === undefined) throw new TypeError('a select without from gives one row');
  const applied = row.has_migrations ? await store.run<{ name: string }>(MIGRATIONS, []) : [];
  return {
    version: row.version,
    versionNumber: row.version_number,
    isSafe: row.is_safe,
    waitsForDisk: row.waits_for_disk,
    isStandby: row.is_standby,
    connections: row.connections,
    others: row.others,
    nowMs: Number(row.now_ms),
    hasSealCheck: row.has_seal_check,
    applied: applied.map(({ name }) => name),
  };
};

export type LongTransaction = {
  readonly pid: number;
  readonly applicationName: string;
  readonly ageMs: number;
};

/** The oldest transaction of over five minutes, if there is one. */
export const inspectTransactions = async (store: Store): Promise<LongTransaction | undefined> => {
  type Row = { pid: number; application_name: string; age_ms: number };
  const [row] = await store.run<Row>(LONGEST, []);
  return row && { pid: row.pid, applicationName: row.application_name, ageMs: row.age_ms };
};
