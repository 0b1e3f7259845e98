import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Fault } from '../draw-faults.ts';
import type { Ground } from '../ground.ts';

type Kind = Extract<Fault, { readonly target: 'postgres'; readonly stepSeconds?: never }>['kind'];
type Struck = Pick<Ground, 'postgres' | 'databaseUrl' | 'disk'>;

/** More than the server has room for. */
const CROWD = 400;

/** Breaks the database and heals it; data are kept, whatever happens. */
export const strikePostgres = async (ground: Struck, kind: Kind, holdMs: number): Promise<void> => {
  const { postgres } = ground;
  switch (kind) {
    case 'postgres-sessions':
      return void (await endSessions(ground));
    case 'postgres-restart':
    case 'postgres-kill':
      await (kind === 'postgres-kill' ? postgres.kill() : postgres.stop('immediate'));
      await pause(holdMs);
      return postgres.start();
    case 'postgres-full':
      return fillDisk(ground, holdMs);
    case 'postgres-crowded':
      return crowd(ground, holdMs);
    case 'postgres-read-only':
      await setReadOnly(ground, 'on');
      await pause(holdMs);
      return setReadOnly(ground, 'off');
    default:
      throw new TypeError(`no such fault: ${kind satisfies never}`);
  }
};

/** A session of the administrator, in another database than the services'. */
const withSession = async <Result>(
  { postgres }: Struck,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> => {
  const client = new pg.Client({ connectionString: postgres.url });
  client.on('error', () => undefined);
  await client.connect();
  return await work(client).finally(() => client.end().catch(() => undefined));
};

const endSessions = (ground: Struck): Promise<unknown> =>
  withSession(ground, (client) =>
    client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = $1 and pid <> pg_backend_pid()`,
      [databaseOf(ground)],
    ),
  );

const databaseOf = ({ databaseUrl }: Struck): string => new URL(databaseUrl).pathname.slice(1);

const setReadOnly = async (ground: Struck, to: 'on' | 'off'): Promise<void> => {
  const name = pg.escapeIdentifier(databaseOf(ground));
  await withSession(ground, (client) =>
    client.query(`alter database ${name} set default_transaction_read_only = ${to}`),
  );
  // Sessions that stand keep what was said when they began.
  await endSessions(ground);
};

/** A server that finds no room for its log of changes ends; it is started when there is some. */
const fillDisk = async ({ postgres, disk }: Struck, holdMs: number): Promise<void> => {
  if (disk === undefined) throw new TypeError('there is no small disk to fill');
  disk.fill();
  await pause(holdMs);
  disk.free();
  if (!(await answers(postgres.url))) {
    await postgres.kill().catch(() => undefined);
    await postgres.start();
  }
};

const ANSWER_TRIES = 50;

const answers = async (url: string): Promise<boolean> => {
  for (let tries = 0; tries < ANSWER_TRIES; tries += 1) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
    client.on('error', () => undefined);
    const isThere = await client.connect().then(
      () => client.query('select 1').then(() => true),
      () => false,
    );
    await client.end().catch(() => undefined);
    if (isThere) return true;
    await pause(100);
  }
  return false;
};

/** Takes every connection that the server has, after those of the services were ended. */
const crowd = async (ground: Struck, holdMs: number): Promise<void> => {
  const clients = Array.from({ length: CROWD }, () => {
    const client = new pg.Client({ connectionString: ground.postgres.url });
    client.on('error', () => undefined);
    return client;
  });
  await endSessions(ground);
  await Promise.all(clients.map((client) => client.connect().catch(() => undefined)));
  await pause(holdMs);
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
};
