import { listStatements } from '@switchyard/store';
import { queryOnce } from './query-once.ts';

/** What the server counted of one statement. */
export type StatementCost = {
  readonly name: string;
  readonly calls: number;
  readonly rows: number;
  readonly totalMs: number;
  readonly walBytes: number;
};

type Row = {
  query: string;
  calls: string;
  rows: string;
  total_exec_time: number;
  wal_bytes: string;
};

const NAME_MAX = 60;

/** The same for the text that was prepared and for what the server made of its constants. */
const plain = (text: string): string =>
  text
    .replace(/'[^']*'/g, '?')
    .replace(/\$\d+/g, '?')
    .replace(/\b\d+\b/g, '?')
    .replace(/\s+/g, ' ')
    .trim();

const NAMES: ReadonlyMap<string, string> = new Map(
  listStatements().map(({ name, text }) => [plain(text), name]),
);

/** Forgets what was counted before. */
export const forgetCosts = async (databaseUrl: string): Promise<void> => {
  await queryOnce(databaseUrl, 'create extension if not exists pg_stat_statements');
  await queryOnce(databaseUrl, 'select pg_stat_statements_reset()');
};

/** What each statement cost this database, the costliest first. */
export const readCosts = async (databaseUrl: string): Promise<StatementCost[]> => {
  const rows = await queryOnce<Row>(
    databaseUrl,
    `select query, calls, rows, total_exec_time, wal_bytes from pg_stat_statements
    where dbid = (select oid from pg_database where datname = current_database())
    order by total_exec_time desc`,
  );
  return rows.map((row) => ({
    name: NAMES.get(plain(row.query)) ?? plain(row.query).slice(0, NAME_MAX),
    calls: Number(row.calls),
    rows: Number(row.rows),
    totalMs: row.total_exec_time,
    walBytes: Number(row.wal_bytes),
  }));
};
