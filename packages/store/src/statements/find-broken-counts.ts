import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { type Broken, type BrokenRow, brokenIn } from './broken.ts';
import type { LoggedEnds } from './count-logged-ends.ts';

/** What is counted changes in the statement that moves the rows, so one snapshot has both alike. */
const STATEMENT = statement({
  name: 'find_broken_counts',
  text: `with held as materialized (
  select (select count(*) from queue where endpoint_id = $1)
      + (select count(*) from delayed where endpoint_id = $1) as queued,
    (select count(*) from leases where endpoint_id = $1) as running
),
told as materialized (
  select coalesce(sum(queued), 0)::bigint as queued, coalesce(sum(running), 0)::bigint as running,
    coalesce(sum(completed), 0)::bigint as completed, coalesce(sum(failed), 0)::bigint as failed,
    coalesce(sum(retried), 0)::bigint as retried
  from counts where endpoint_id = $1
)
select 'counts.rows' as rule, null::uuid as job_id, 'it counts ' || told.queued || ' queued and '
  || told.running || ' running, and holds ' || held.queued || ' and ' || held.running as what
from held cross join told where held.queued <> told.queued or held.running <> told.running
union all
select 'counts.log', null, 'it counts ' || completed || ' completed, ' || failed || ' failed and '
  || retried || ' retried, and its log tells of ' || $2::bigint || ', ' || $3::bigint || ' and '
  || $4::bigint
from told where completed < $2::bigint or failed < $3::bigint or retried < $4::bigint`,
});

/**
 * Counts of an endpoint that are not the numbers of its rows, or less than what was `logged` before
 * this look: ends are counted for ever, and never more of them logged than counted.
 */
export const findBrokenCounts = async (
  store: Store,
  endpointId: EndpointId,
  logged: LoggedEnds,
): Promise<Broken[]> => {
  const values = [endpointId, logged.completed, logged.failed, logged.retried];
  return brokenIn(endpointId, await store.run<BrokenRow>(STATEMENT, values));
};
