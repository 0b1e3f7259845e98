import { TERMINAL_STATES } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { BROKEN_MAX, type Broken, IN_RANGE, type JobRange, lookForBroken } from './broken.ts';
import { TRIES_MAX } from './deliveries.ts';
import { RETRY_AFTER_MS } from './record-delivery-tries.ts';

const ENDS = TERMINAL_STATES.map((state) => `'${state.toLowerCase()}'`).join(', ');
/** The end of a try is timed by the process that made it, its start by the database. */
const SOONER_MS = 200;

const BROKEN = `case
  when event is null or event not in (${ENDS}) then 'delivery.end'
  when (closed_at is null) <> (outcome is null) then 'delivery.closed'
  when greatest(tries, unknowns) > ${TRIES_MAX} or tries <> coalesce(known, 0)
    or unknowns <> coalesce(lost, 0) or open > 1 then 'delivery.tries'
  when after_success > 0 then 'delivery.after_success'
  when too_soon > 0 then 'times.tries'
end`;

const STATEMENT = statement({
  name: 'find_broken_deliveries',
  text: `with ends as materialized (
  select job_id, seq, event from events where ${IN_RANGE} and event in (${ENDS})
),
hooked as materialized (
  select job_id from jobs where ${IN_RANGE} and webhook is not null
),
told as materialized (
  select * from deliveries where ${IN_RANGE}
),
timed as materialized (
  select told.delivery_id, tried.outcome,
    lag(tried.outcome) over log as outcome_before, tried.started_at,
    lag(tried.started_at + tried.duration_ms * interval '1 ms') over log as ended_before
  from told join delivery_tries as tried
    on tried.endpoint_id = $1 and tried.delivery_id = told.delivery_id
  window log as (partition by told.delivery_id order by tried.n)
),
tried as materialized (
  select delivery_id, count(*) filter (where outcome in ('delivered', 'failed')) as known,
    count(*) filter (where outcome = 'unknown') as lost,
    count(*) filter (where outcome = 'started') as open,
    count(*) filter (where outcome_before = 'delivered') as after_success,
    count(*) filter (where outcome_before = 'failed' and started_at < ended_before
      + ${RETRY_AFTER_MS - SOONER_MS} * interval '1 ms') as too_soon
  from timed group by delivery_id
)
select rule, told.job_id, 'is told by ' || told.delivery_id || ' as event ' || event_seq || ': '
    || coalesce(outcome, 'open') || ', ' || tries || ' tries, ' || unknowns || ' unknown' as what
from told left join ends on ends.job_id = told.job_id and ends.seq = told.event_seq
left join tried on tried.delivery_id = told.delivery_id
cross join lateral (select ${BROKEN} as rule) as look
where rule is not null
union all
select 'delivery.missing', job_id, 'has a webhook, and no delivery tells that it ' || event
from ends join hooked using (job_id)
where not exists (select from told where told.job_id = ends.job_id and told.event_seq = ends.seq)
limit ${BROKEN_MAX}`,
});

/**
 * Ends of jobs with a webhook that no delivery tells, deliveries of anything else, and tries that
 * are too many, too soon after one another, or made after one that came through.
 */
export const findBrokenDeliveries = (store: Store, range: JobRange): Promise<Broken[]> =>
  lookForBroken(store, STATEMENT, range);
