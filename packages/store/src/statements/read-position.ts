import { type EndpointId, uuidOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import type { JobStatus } from './read-statuses.ts';

/** Positions beyond this one are not counted, so that their cost stays bounded. */
export const POSITION_MAX = 1_000;

/**
 * The job's place is read here, not passed in: a Date holds milliseconds, while all jobs of a batch
 * share one deadline that has microseconds, and would all stand first.
 */
const STATEMENT = statement({
  name: 'read_position',
  text: `with place as materialized (
  select rank, deadline_at, seq from queue where endpoint_id = $1 and job_id = $2::uuid
)
select count(*) as ahead, exists (
  select from queue where endpoint_id = $1 and rank = 0 and deadline_at > statement_timestamp()
) or exists (
  select from queue where endpoint_id = $1 and rank = 1 and deadline_at > statement_timestamp()
) as is_high_waiting from (
  select from queue where endpoint_id = $1 and (rank, deadline_at, seq)
    < ((select rank from place), (select deadline_at from place), (select seq from place))
  limit ${POSITION_MAX}
) as ahead`,
});

/** Before its start time: behind all that is queued and all that starts sooner. */
const DELAYED = statement({
  name: 'read_delayed_position',
  text: `with place as materialized (
  select start_at, job_id from delayed where endpoint_id = $1 and job_id = $2::uuid
)
select count(*) as ahead, false as is_high_waiting from (
  select from (select 1 from queue where endpoint_id = $1 limit ${POSITION_MAX}) as queued
  union all
  select from (select 1 from delayed where endpoint_id = $1 and (start_at, job_id)
    < ((select start_at from place), (select job_id from place)) limit ${POSITION_MAX}) as sooner
  limit ${POSITION_MAX}
) as ahead`,
});

export type Position = {
  /** How many jobs stand before it, up to POSITION_MAX; 0 when it is not queued. */
  readonly ahead: number;
  /** Whether a job of high priority waits in the endpoint. */
  readonly isHighWaiting: boolean;
};

/** Where a queued job stands. */
export const readPosition = async (
  store: Store,
  endpointId: EndpointId,
  job: Pick<JobStatus, 'jobId' | 'startAt'>,
): Promise<Position> => {
  const [row] = await store.runPinned<{ ahead: number; is_high_waiting: boolean }>(
    job.startAt === null ? STATEMENT : DELAYED,
    [endpointId, uuidOf(job.jobId)],
  );
  return { ahead: row?.ahead ?? 0, isHighWaiting: row?.is_high_waiting ?? false };
};
