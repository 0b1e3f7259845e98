import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { isContended, SchemaMismatch } from './errors.ts';
import { MIGRATIONS } from './migrations/index.ts';

/** Names the lock that lets one process migrate at a time ("swyd" in ASCII). */
const MIGRATION_LOCK = 0x73777964;

/**
 * How long a step waits for a table, in ms: as long, whoever else comes waits behind it, and an old
 * transaction may hold the table for hours.
 */
const LOCK_TIMEOUT_MS = 2_000;
/** Between two tries, in ms, those who waited have their turn. */
const TRY_AGAIN_MS = 1_000;
/** A migration is given up when its tables could not be had within this time, in ms. */
const TRY_WITHIN_MS = 60_000;

/**
 * Brings the database at `url` to this version's schema. Steps run in one transaction under an
 * advisory lock, so that two starts at once or a kill in the middle leave it whole.
 * @returns the names of the steps that were applied now.
 * @throws SchemaMismatch when the database is newer than this version; DatabaseError 55P03 when a
 * table was in use for a minute, as by a backup: nothing was changed.
 */
export const migrate = async (url: string): Promise<string[]> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  const untilMs = performance.now() + TRY_WITHIN_MS;
  try {
    for (;;) {
      try {
        return await takeSteps(client);
      } catch (error) {
        if (!isContended(error) || performance.now() > untilMs) throw error;
      }
      await client.query('rollback');
      await pause(TRY_AGAIN_MS);
    }
  } finally {
    await client.end();
  }
};

const takeSteps = async (client: pg.Client): Promise<string[]> => {
  await client.query('begin');
  await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
  await client.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
  await client.query(
    `create table if not exists migrations
      (name text primary key, applied_at timestamptz not null default now())`,
  );
  const missing = missingSteps(await appliedSteps(client));
  for (const step of missing) {
    await client.query(step.sql);
    await client.query('insert into migrations (name) values ($1)', [step.name]);
  }
  await client.query('commit');
  return missing.map((step) => step.name);
};

/** How a schema with these steps stands to this version: what it lacks, and what is newer. */
export const compareSchema = (
  applied: readonly string[],
): { readonly missing: readonly string[]; readonly unknown: readonly string[] } => ({
  missing: MIGRATIONS.map(({ name }) => name).filter((name) => !applied.includes(name)),
  unknown: applied.filter((name) => !MIGRATIONS.some((step) => step.name === name)),
});

const appliedSteps = async (client: pg.Client): Promise<string[]> => {
  const { rows } = await client.query<{ name: string }>('select name from migrations');
  return rows.map((row) => row.name);
};

const missingSteps = (applied: readonly string[]): typeof MIGRATIONS => {
  const { unknown } = compareSchema(applied);
  if (unknown.length > 0) {
    throw new SchemaMismatch(
      `The database was migrated by a newer Switchyard (${unknown.join(', ')}); update this one.`,
    );
  }
  return MIGRATIONS.filter((step) => !applied.includes(step.name));
};
