import { type EndpointId, type JobId, jobIdOf, uuidOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { READ_MAX_BYTES } from './bounds.ts';

const STATEMENT = statement({
  name: 'read_inputs',
  text: `select job_id, input from (
  select job_id, input,
    sum(octet_length(input)) over (order by job_id) - octet_length(input) as bytes_before
  from jobs where endpoint_id = $1 and job_id = any($2::uuid[])
) as measured
where bytes_before < ${READ_MAX_BYTES}`,
});

/**
 * The inputs that were too large to travel inside an assign. Together they may be more than one
 * statement should bring: each of them ends with the input that reaches READ_MAX_BYTES.
 */
export const readInputs = async (
  store: Store,
  endpointId: EndpointId,
  jobIds: readonly JobId[],
): Promise<ReadonlyMap<JobId, Buffer>> => {
  const inputs = new Map<JobId, Buffer>();
  let wanted = jobIds;
  let bytes = READ_MAX_BYTES;
  while (bytes >= READ_MAX_BYTES && wanted.length > 0) {
    const values = [endpointId, wanted.map(uuidOf)];
    const rows = await store.run<{ job_id: string; input: Buffer }>(STATEMENT, values);
    bytes = rows.reduce((sum, { input }) => sum + input.length, 0);
    for (const { job_id: jobId, input } of rows) inputs.set(jobIdOf(jobId), input);
    wanted = wanted.filter((jobId) => !inputs.has(jobId));
  }
  return inputs;
};
