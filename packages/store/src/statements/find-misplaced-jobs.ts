import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import {
  BROKEN_MAX,
  type Broken,
  IN_RANGE,
  type JobRange,
  lookForBroken,
  PLACES,
} from './broken.ts';

const STATEMENT = statement({
  name: 'find_misplaced_jobs',
  text: `with ${PLACES},
asked as materialized (
  select job_id from jobs where ${IN_RANGE}
),
found as materialized (
  select job_id, count(*) as places, string_agg(place, ' and ' order by place) as names
  from places group by job_id
)
select case when asked.job_id is null then 'place.no_job' else 'place.one' end as rule,
  coalesce(asked.job_id, found.job_id) as job_id,
  case when found.job_id is null then 'is nowhere' else 'is in ' || names end as what
from asked full join found using (job_id)
where asked.job_id is null or places is distinct from 1
limit ${BROKEN_MAX}`,
});

/** Jobs that are in no place or in several, and places whose job is gone. */
export const findMisplacedJobs = (store: Store, range: JobRange): Promise<Broken[]> =>
  lookForBroken(store, STATEMENT, range);
