import { migrate, openStore, type Store, type StoreOptions } from '@switchyard/store';
import pg from 'pg';
import { withDatabase } from './database.ts';

/** A migrated database, a store on it, and a plain session beside that looks and arranges. */
export type TestStore = AsyncDisposable & {
  readonly url: string;
  readonly store: Store;
  /** Runs SQL on the session beside. */
  sql<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** A store with connections of its own: another process, as the database sees it. */
  another(options?: Partial<StoreOptions>): Store;
};

/** Opens a fresh database with this version's schema; commits do not wait for the disk. */
export const withStore = async (): Promise<TestStore> => {
  const database = await withDatabase();
  const name = pg.escapeIdentifier(new URL(database.url).pathname.slice(1));
  const beside = new pg.Client({ connectionString: database.url });
  await beside.connect();
  await beside.query(`alter database ${name} set synchronous_commit = off`);
  await migrate(database.url);
  const opened: Store[] = [];
  const another = (options: Partial<StoreOptions> = {}): Store => {
    const store = openStore({ url: database.url, applicationName: 'test', ...options });
    opened.push(store);
    return store;
  };
  return {
    url: database.url,
    store: another(),
    sql: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      (await beside.query<Row>(text, [...values])).rows,
    another,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(opened.map((store) => store.close()));
      await beside.end();
      await database.close();
    },
  };
};
