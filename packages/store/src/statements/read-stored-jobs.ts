import { type EndpointId, type JobId, jobIdOf, uuidOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'read_stored_jobs',
  text: 'select job_id from jobs where endpoint_id = $1 and job_id = any($2::uuid[])',
});

/** Which of `jobIds` are stored: for an accept whose commit was never confirmed. */
export const readStoredJobs = async (
  store: Store,
  endpointId: EndpointId,
  jobIds: readonly JobId[],
): Promise<ReadonlySet<JobId>> => {
  const rows = await store.run<{ job_id: string }>(STATEMENT, [endpointId, jobIds.map(uuidOf)]);
  return new Set(rows.map((row) => jobIdOf(row.job_id)));
};
