import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { IN_RANGE, type JobRange } from './broken.ts';

/** How many events of a kind the log holds; `failed` are those that timed out as well. */
export type LoggedEnds = {
  readonly completed: number;
  readonly failed: number;
  readonly retried: number;
};

const STATEMENT = statement({
  name: 'count_logged_ends',
  text: `select count(*) filter (where event = 'completed') as completed,
  count(*) filter (where event in ('failed', 'timed_out')) as failed,
  count(*) filter (where event = 'retried') as retried
from events where ${IN_RANGE}`,
});

/** What the log tells of the ends and retries of the jobs in a range. */
export const countLoggedEnds = async (
  store: Store,
  { endpointId, after, upTo }: JobRange,
): Promise<LoggedEnds> => {
  const [row] = await store.run<LoggedEnds>(STATEMENT, [endpointId, after, upTo]);
  if (row === undefined) throw new TypeError('an aggregate without GROUP BY has one row');
  return row;
};
