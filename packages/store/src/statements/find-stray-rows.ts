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

/** The tables whose rows belong to a job besides the places that it is in. */
const OWNED = ['events', 'job_secrets', 'stream_chunks', 'stream_cursors', 'deliveries'] as const;

const ROWS = OWNED.map(
  (table) => `select distinct job_id, '${table}' as name from ${table} where ${IN_RANGE}`,
).join('\n  union all\n  ');

/** A secret outlives its job's end only while a retry may want it. */
const STATEMENT = statement({
  name: 'find_stray_rows',
  text: `with ${PLACES},
asked as materialized (
  select job_id from jobs where ${IN_RANGE}
),
owned as materialized (
  ${ROWS}
)
select 'rows.no_job' as rule, job_id, 'is gone but for ' || string_agg(name, ', ') as what
from owned where not exists (select from asked where asked.job_id = owned.job_id)
group by job_id
union all
select 'secrets.kept', job_id, 'is ' || state || ' and its s3Config is kept'
from owned join places using (job_id)
where name = 'job_secrets' and state in ('COMPLETED', 'CANCELLED')
limit ${BROKEN_MAX}`,
});

/** Rows of jobs that are gone, and secrets of jobs that no retry can start again. */
export const findStrayRows = (store: Store, range: JobRange): Promise<Broken[]> =>
  lookForBroken(store, STATEMENT, range);
