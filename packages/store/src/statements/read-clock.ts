import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'read_clock',
  text: 'select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms',
});

/** What the database's clock says, in ms since 1970. */
export const readClock = async (store: Store): Promise<number> => {
  const [row] = await store.run<{ now_ms: number }>(STATEMENT, []);
  if (row === undefined) throw new TypeError('a select without FROM has one row');
  return row.now_ms;
};
