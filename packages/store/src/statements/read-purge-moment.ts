import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'read_purge_moment',
  text: 'select statement_timestamp()::text as at',
});

/**
 * The moment before which a job must have been accepted to be purged, by the database's clock. It
 * stays text: a Date would lose the microseconds, and miss what was accepted just before.
 */
export const readPurgeMoment = async (store: Store): Promise<string> => {
  const [row] = await store.run<{ at: string }>(STATEMENT, []);
  if (row === undefined) throw new TypeError('a select without FROM has one row');
  return row.at;
};
