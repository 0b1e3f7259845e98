import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { startPostgres } from '../../support/postgres.ts';
import { judge } from './judge.ts';
import type { Patient } from './seed.ts';

const CONNECTIONS = 30;

const change = async (url: string, text: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text).finally(() => client.end());
};

const seedMasterKey = async ({ checks, examine, run }: Patient): Promise<void> => {
  const env = { SWITCHYARD_MASTER_KEY: randomBytes(32).toString('base64') };
  judge(checks, 'wrong master key', await examine(env), ['master_key.wrong']);
  const { exitCode, text } = await run(['up', 'scheduler'], { ...env, SCHEDULER_PORT: '0' });
  const isTold = text.includes('SWITCHYARD_MASTER_KEY');
  checks.check(
    exitCode === 2 && isTold,
    'a service with that key does not start',
    `${exitCode}`,
    2,
  );
};

const seedSchema = async ({ checks, examine, run, postgres }: Patient): Promise<void> => {
  const url = await postgres.createDatabase();
  const env = { DATABASE_URL: url };
  // pg_dump begins and ends with a random word of its own.
  const dump = async () => (await postgres.dump(url)).replaceAll(/^\\(?:un)?restrict .*$/gm, '');
  await run(['migrate'], { ...env, BROKER_URL: '' });
  await change(url, 'delete from migrations where name = (select max(name) from migrations)');
  const before = await dump();
  judge(checks, 'old schema', await examine(env), ['schema.old']);
  checks.check((await dump()) === before, 'the look changed the database', 'no', 'no');
  await change(url, `insert into migrations (name) values ('9999-to-come')`);
  const newer = await examine(env);
  judge(checks, 'schema of a newer version', newer, ['schema.newer', 'schema.old']);
};

const seedConnections = async ({ checks, examine, run }: Patient): Promise<void> => {
  await using small = await startPostgres({ settings: { max_connections: CONNECTIONS } });
  const env = { DATABASE_URL: small.url };
  await run(['migrate'], { ...env, BROKER_URL: '' });
  judge(checks, `too few connections (${CONNECTIONS})`, await examine(env), [
    'database.connections',
  ]);
  await using careless = await startPostgres({ fsync: false });
  await run(['migrate'], { DATABASE_URL: careless.url, BROKER_URL: '' });
  const lax = await examine({ DATABASE_URL: careless.url });
  judge(checks, 'Postgres without fsync', lax, ['database.not_durable']);
  await careless.stop();
  const away = await examine({ DATABASE_URL: careless.url });
  judge(checks, 'Postgres away', away, ['database.unreachable']);
};

/** Mistakes in the database: the wrong one, an old one, one that is too small. */
export const seedDatabase = async (patient: Patient): Promise<void> => {
  await seedMasterKey(patient);
  await seedSchema(patient);
  await seedConnections(patient);
};
