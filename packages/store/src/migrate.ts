import pg from 'pg';
import { SchemaMismatch } from './errors.ts';
import { MIGRATIONS } from './migrations/index.ts';

/** Names the lock that lets one process migrate at a time ("swyd" in ASCII). */
const MIGRATION_LOCK = 0x73777964;

/**
 * Brings the database at `url` to this version's schema. Steps run in one transaction under an
 * advisory lock, so that two starts at once or a kill in the middle leave it whole.
 * @returns the names of the steps that were applied now.
 * @throws SchemaMismatch when the database is newer than this version.
 */
export const migrate = async (url: string): Promise<string[]> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
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
  } finally {
    await client.end();
  }
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
