import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { BROKEN_MAX, type Broken, type BrokenRow, brokenIn } from './broken.ts';

/** Every sweep comes at least once a second; this long after its time a job was forgotten. */
const LATE_MS = 30_000;

const LATE = `statement_timestamp() - ${LATE_MS} * interval '1 ms'`;

const STATEMENT = statement({
  name: 'find_late_sweeps',
  text: `(
  select 'late.deadline' as rule, job_id, 'waits, and its ttl ended at ' || deadline_at as what
  from (values (0), (1), (2), (3)) as ranks (rank) cross join lateral (
    select job_id, deadline_at from queue where endpoint_id = $1 and queue.rank = ranks.rank
      and deadline_at < ${LATE} order by deadline_at limit ${BROKEN_MAX}
  ) as queue limit ${BROKEN_MAX}
) union all (
  select 'late.escalation', job_id, 'waits, and was to be escalated at ' || escalate_at
  from queue where endpoint_id = $1 and escalate_at < ${LATE}
  order by escalate_at limit ${BROKEN_MAX}
) union all (
  select 'late.start', job_id, 'was to be queued at ' || start_at
  from delayed where endpoint_id = $1 and start_at < ${LATE}
  order by start_at limit ${BROKEN_MAX}
) union all (
  select 'late.overdue', job_id, 'runs, and its executionTimeout ended at ' || overdue_at
  from leases where endpoint_id = $1 and overdue_at < ${LATE} limit ${BROKEN_MAX}
)`,
});

/** Jobs that a sweep should have ended, started or escalated half a minute ago. */
export const findLateSweeps = async (store: Store, endpointId: EndpointId): Promise<Broken[]> =>
  brokenIn(endpointId, await store.run<BrokenRow>(STATEMENT, [endpointId]));
