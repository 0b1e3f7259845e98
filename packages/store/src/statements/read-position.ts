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
select count(*) as ahead from (
  select from queue where endpoint_id = $1 and (rank, deadline_at, seq)
    < ((select rank from place), (select deadline_at from place), (select seq from place))
  limit ${POSITION_MAX}
) as ahead`,
});

/** How many jobs stand before a queued one, up to POSITION_MAX; 0 when it is not queued. */
export const readPosition = async (
  store: Store,
  endpointId: EndpointId,
  job: Pick<JobStatus, 'jobId'>,
): Promise<number> => {
  const values = [endpointId, uuidOf(job.jobId)];
  const [row] = await store.runPinned<{ ahead: number }>(STATEMENT, values);
  return row?.ahead ?? 0;
};
