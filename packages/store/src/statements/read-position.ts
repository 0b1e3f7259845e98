import type { EndpointId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import type { JobStatus } from './read-statuses.ts';

/** Positions beyond this one are not counted, so that their cost stays bounded. */
export const POSITION_MAX = 1_000;

const STATEMENT = statement({
  name: 'read_position',
  text: `select count(*) as ahead from (
    select from queue where endpoint_id = $1 and (rank, deadline_at, seq) < ($2, $3, $4)
    limit ${POSITION_MAX}
  ) as ahead`,
});

/** How many jobs stand before a queued one, up to POSITION_MAX. */
export const readPosition = async (
  store: Store,
  endpointId: EndpointId,
  job: Pick<JobStatus, 'rank' | 'deadlineAt' | 'queueSeq'>,
): Promise<number> => {
  const values = [endpointId, job.rank, job.deadlineAt, job.queueSeq];
  const [row] = await store.runPinned<{ ahead: number }>(STATEMENT, values);
  return row?.ahead ?? 0;
};
