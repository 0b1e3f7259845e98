import { type EndpointId, type JobId, uuidOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';

const STATEMENT = statement({
  name: 'find_job',
  text: `select visible.endpoint_id, asked.*
from unnest($1::text[]) as visible (endpoint_id)
cross join lateral (
  select execution_timeout_ms, ttl_ms, low_priority, octet_length(input) as input_bytes
  from jobs where jobs.endpoint_id = visible.endpoint_id and jobs.job_id = $2::uuid limit 1
) as asked`,
});

type Row = {
  endpoint_id: EndpointId;
  execution_timeout_ms: number;
  ttl_ms: number;
  low_priority: boolean;
  input_bytes: number;
};

/** What a job was accepted with. */
export type AskedJob = {
  readonly endpointId: EndpointId;
  readonly executionTimeoutMs: number;
  readonly ttlMs: number;
  readonly lowPriority: boolean;
  readonly inputBytes: number;
};

/** The job of this id in whichever of `endpoints` has it: one look by key in each. */
export const findJob = async (
  store: Store,
  endpoints: readonly EndpointId[],
  jobId: JobId,
): Promise<AskedJob | undefined> => {
  const [row] = await store.runPinned<Row>(STATEMENT, [endpoints, uuidOf(jobId)]);
  return (
    row && {
      endpointId: row.endpoint_id,
      executionTimeoutMs: row.execution_timeout_ms,
      ttlMs: row.ttl_ms,
      lowPriority: row.low_priority,
      inputBytes: row.input_bytes,
    }
  );
};
