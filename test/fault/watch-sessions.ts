import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { type IdleSession, openJournal } from './history.ts';

const LOOK_EVERY_MS = 1_000;
/** Shorter ones tell nothing. */
const IDLE_MIN_MS = 3_000;

const IDLE = `select application_name as application,
  extract(epoch from clock_timestamp() - state_change)::float8 * 1000 as "idleMs"
  from pg_stat_activity
  where datname = current_database() and state like 'idle in transaction%'
    and state_change < clock_timestamp() - ${IDLE_MIN_MS} * interval '1 ms'`;

/** Writes down, each second that the database can be asked, who does nothing in a transaction. */
export const watchSessions = (databaseUrl: string, folder: string): AsyncDisposable => {
  const journal = openJournal<IdleSession>(path.join(folder, 'idle-sessions'));
  const stop = new AbortController();
  const watch = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        await lookAgainAndAgain(databaseUrl, journal.write, stop.signal);
      } catch {
        // The database is away, or this session was ended with the others.
        await pause(LOOK_EVERY_MS);
      }
    }
  };
  const watching = watch();
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await watching;
      journal[Symbol.dispose]();
    },
  };
};

const lookAgainAndAgain = async (
  connectionString: string,
  write: (session: IdleSession) => void,
  stop: AbortSignal,
): Promise<void> => {
  const client = new pg.Client({ connectionString, query_timeout: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    while (!stop.aborted) {
      const { rows } = await client.query<Omit<IdleSession, 'atMs'>>(IDLE);
      for (const row of rows) write({ atMs: Date.now(), ...row });
      await pause(LOOK_EVERY_MS);
    }
  } finally {
    await client.end();
  }
};
