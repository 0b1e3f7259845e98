import { EVENTS, REQUEUE_REASONS } from '@switchyard/contracts';
import { STATE_AFTER, spendsAttempt } from '@switchyard/lifecycle';
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

const MEANINGS = EVENTS.map((event) => `('${event}', '${STATE_AFTER[event]}')`).join(', ');

const SPENDING = REQUEUE_REASONS.filter(spendsAttempt)
  .map((reason) => `'${reason}'`)
  .join(', ');

/** A worker's result and an overrun spend an attempt, and so does a loss that is not our doing. */
const SPENT = `event = 'completed' or event = 'failed'
  or (event = 'timed_out' and reason = 'executionTimeout')
  or (event = 'requeued' and reason in (${SPENDING}))`;

const BROKEN = `case
  when event_seq is distinct from seq then 'place.event'
  when places.state is distinct from meaning.state then 'place.state'
  when claim_no is distinct from claims then 'place.claim'
  when attempts is distinct from spent then 'place.attempts'
end`;

const STATEMENT = statement({
  name: 'find_broken_states',
  text: `with ${PLACES},
told as materialized (
  select job_id, seq, event, reason, coalesce(
      max(seq) filter (where event = 'retried') over (partition by job_id), 0) as since
  from events where ${IN_RANGE}
),
added as materialized (
  select job_id, max(seq) as seq, (array_agg(event order by seq desc))[1] as event,
    count(*) filter (where event = 'started') as claims,
    count(*) filter (where seq > since and (${SPENT})) as spent
  from told group by job_id
)
select rule, job_id, 'is in ' || place || ' as ' || places.state || ' after event ' || event_seq
    || ', claim ' || claim_no || ', ' || attempts || ' attempts; its log ends with '
    || coalesce(added.event || ' as event ' || seq, 'nothing') || ', ' || coalesce(claims, 0)
    || ' claims, ' || coalesce(spent, 0) || ' attempts' as what
from places left join added using (job_id)
left join (values ${MEANINGS}) as meaning (event, state) on meaning.event = added.event
cross join lateral (select ${BROKEN} as rule) as look
where rule is not null limit ${BROKEN_MAX}`,
});

/** Jobs whose place, state, claim number or attempts are not what their events add up to. */
export const findBrokenStates = (store: Store, range: JobRange): Promise<Broken[]> =>
  lookForBroken(store, STATEMENT, range);
