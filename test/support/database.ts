import { createDatabase, dropDatabase, startPostgres } from './postgres.ts';

/** An empty database for one test file. */
export type TestDatabase = AsyncDisposable & {
  readonly url: string;
  /** Drops the database, and ends the server when it was started for it. */
  close(): Promise<void>;
};

/**
 * An empty database on the server that TEST_DATABASE_URL names, which the test runner starts once
 * for all files; without it, on a server of its own, so that one file can be run by itself.
 */
export const withDatabase = async (): Promise<TestDatabase> => {
  const shared = process.env.TEST_DATABASE_URL;
  if (shared !== undefined) {
    const url = await createDatabase(shared);
    const close = () => dropDatabase(shared, url);
    return { url, close, [Symbol.asyncDispose]: close };
  }
  const postgres = await startPostgres({ fsync: false });
  const url = await postgres.createDatabase();
  const close = () => postgres.close();
  return { url, close, [Symbol.asyncDispose]: close };
};
