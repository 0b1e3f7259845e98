import { type EndpointId, type JobId, jobIdOf, uuidOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'read_inputs',
  text: 'select job_id, input from jobs where endpoint_id = $1 and job_id = any($2::uuid[])',
});

/** The inputs that were too large to travel inside an assign. */
export const readInputs = async (
  store: Store,
  endpointId: EndpointId,
  jobIds: readonly JobId[],
): Promise<ReadonlyMap<JobId, Buffer>> => {
  const rows = await store.run<{ job_id: string; input: Buffer }>(STATEMENT, [
    endpointId,
    jobIds.map(uuidOf),
  ]);
  return new Map(rows.map((row) => [jobIdOf(row.job_id), row.input]));
};
