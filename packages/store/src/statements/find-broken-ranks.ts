import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { BROKEN_MAX, type Broken, IN_RANGE, type JobRange, lookForBroken } from './broken.ts';

const STATEMENT = statement({
  name: 'find_broken_ranks',
  text: `with raised as materialized (
  select job_id, coalesce(max(seq) filter (where event = 'escalated'), 0)
    > coalesce(max(seq) filter (where event = 'retried'), 0) as is_raised
  from events where ${IN_RANGE} and event in ('escalated', 'retried') group by job_id
),
waiting as materialized (
  select job_id, rank, escalate_at, escalated_at from queue where ${IN_RANGE}
)
select 'rank.escalated' as rule, job_id, 'waits at rank ' || rank
    || case when escalated_at is null then ', not escalated' else ', escalated' end as what
from waiting left join raised using (job_id)
where (rank >= 2 and (escalated_at is not null or escalate_at is null))
  or (escalated_at is not null) <> coalesce(is_raised, false)
limit ${BROKEN_MAX}`,
});

/** Queued jobs that are low after their escalation, or high by one that no event tells. */
export const findBrokenRanks = (store: Store, range: JobRange): Promise<Broken[]> =>
  lookForBroken(store, STATEMENT, range);
