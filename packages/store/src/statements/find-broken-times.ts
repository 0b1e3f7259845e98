import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { BROKEN_MAX, type Broken, IN_RANGE, type JobRange, lookForBroken } from './broken.ts';

const STATEMENT = statement({
  name: 'find_broken_times',
  text: `with ended as materialized (
  select job_id, delay_ms, execution_ms, finished_at from results where ${IN_RANGE}
),
asked as materialized (
  select job_id, created_at from jobs where ${IN_RANGE}
)
select 'times.result' as rule, job_id, 'was made at ' || created_at || ', waited '
    || coalesce(delay_ms, 0) || ' ms, ran ' || coalesce(execution_ms, 0) || ' ms and ended at '
    || finished_at as what
from ended join asked using (job_id)
where finished_at < created_at or coalesce(delay_ms, 0) + coalesce(execution_ms, 0)
  > extract(epoch from finished_at - created_at) * 1000 + 1
limit ${BROKEN_MAX}`,
});

/** Ended jobs that waited and ran for longer than they have been there. */
export const findBrokenTimes = (store: Store, range: JobRange): Promise<Broken[]> =>
  lookForBroken(store, STATEMENT, range);
