import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import type { JobRange } from './broken.ts';

const STATEMENT = statement({
  name: 'find_range_end',
  text: `with near as materialized (
  select job_id from jobs where endpoint_id = $1 and job_id <= $2::uuid
  order by job_id desc limit $3::bigint + 1
)
select (select job_id from near order by job_id limit 1) as job_id, count(*) as jobs
from near`,
});

const FIRST = '00000000-0000-0000-0000-000000000000';
const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/**
 * The `count` newest jobs of an endpoint, or those that come behind the range `newer`; the last
 * range, which is the only one whose `after` is not a job, has the rest, whatever it is.
 * @returns undefined behind the last range.
 */
export const findRangeEnd = async (
  store: Store,
  endpointId: EndpointId,
  newer: JobRange | undefined,
  count: number,
): Promise<JobRange | undefined> => {
  if (newer?.after === FIRST) return undefined;
  const upTo = newer?.after ?? LAST;
  type Row = { job_id: string | null; jobs: number };
  const [row] = await store.run<Row>(STATEMENT, [endpointId, upTo, count]);
  const jobs = row?.jobs ?? 0;
  const oldest = jobs > count ? row?.job_id : undefined;
  return { endpointId, upTo, after: oldest ?? FIRST, jobs: Math.min(jobs, count) };
};
