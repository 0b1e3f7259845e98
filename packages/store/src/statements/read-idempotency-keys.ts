import { type EndpointId, type JobId, jobIdOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import type { SubmissionSource } from './accept-jobs.ts';

const STATEMENT = statement({
  name: 'read_idempotency_keys',
  text: `select key, body_hash, job_id from idempotency
    where endpoint_id = $1 and source = $2 and key = any($3::text[])`,
});

/** Which job each key stands for, and the SHA-256 of the body that it came with. */
export const readIdempotencyKeys = async (
  store: Store,
  endpointId: EndpointId,
  source: SubmissionSource,
  keys: readonly string[],
): Promise<ReadonlyMap<string, { jobId: JobId; bodyHash: Buffer }>> => {
  const rows = await store.run<{ key: string; body_hash: Buffer; job_id: string }>(STATEMENT, [
    endpointId,
    source,
    keys,
  ]);
  return new Map(
    rows.map((row) => [row.key, { jobId: jobIdOf(row.job_id), bodyHash: row.body_hash }]),
  );
};
