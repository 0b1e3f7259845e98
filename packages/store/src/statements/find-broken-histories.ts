import { REQUEUE_REASONS } from '@switchyard/contracts';
import { legalSteps } from '@switchyard/lifecycle';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { BROKEN_MAX, type Broken, IN_RANGE, type JobRange, lookForBroken } from './broken.ts';

/** Statements that wait for one another's locks began in another order than they committed. */
const BACKWARDS_MAX_MS = 5_000;

const BROKEN = `case
  when seq <> coalesce(seq_before, 0) + 1 then 'events.numbered'
  when before is null and event <> 'accepted' then 'events.begin'
  when before is not null and before || ' ' || event <> all ($4::text[]) then 'events.step'
  when event = 'started' and claim_no is distinct from claims then 'claims.numbered'
  when event = 'requeued' and (reason is null or reason <> all ($5::text[])) then 'events.reason'
  when occurred_at < occurred_before - ${BACKWARDS_MAX_MS} * interval '1 ms' then 'times.event'
end`;

const STATEMENT = statement({
  name: 'find_broken_histories',
  text: `with told as materialized (
  select job_id, seq, event, claim_no, reason, occurred_at, lag(seq) over log as seq_before,
    lag(event) over log as before, lag(occurred_at) over log as occurred_before,
    count(*) filter (where event = 'started') over log as claims
  from events where ${IN_RANGE}
  window log as (partition by job_id order by seq)
)
select rule, job_id, 'has ' || event || ' as event ' || seq || ' after '
    || coalesce(before || ' as event ' || seq_before, 'nothing')
    || coalesce(', with claim ' || claim_no, '') || coalesce(', because ' || reason, '')
    || ', at ' || occurred_at as what
from told cross join lateral (select ${BROKEN} as rule) as look
where rule is not null limit ${BROKEN_MAX}`,
});

const STEPS = legalSteps().map((step) => step.join(' '));

/**
 * Events that are not numbered from 1 without a gap, or stand behind one that they may not follow;
 * claims that are not numbered so; claims that ended for no known reason; times that go back.
 */
export const findBrokenHistories = (store: Store, range: JobRange): Promise<Broken[]> =>
  lookForBroken(store, STATEMENT, range, [STEPS, REQUEUE_REASONS]);
