import { type EndpointId, type JobId, uuidOf, type WorkerId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { toBlob } from './blob.ts';

export type Chunk = {
  readonly jobId: JobId;
  readonly workerId: WorkerId;
  /** Both null for RunPod's protocol: the chunk goes behind the last one of the live claim. */
  readonly claimNo: number | null;
  readonly seq: number | null;
  /**
   * An append of it may have been done before, without being heard of: without a `seq` it is taken
   * for the last one of the claim where that one has the same bytes.
   */
  readonly isRepeat?: boolean;
  /** Raw JSON. */
  readonly output: Buffer;
};

const STATEMENT = statement({
  name: 'append_chunks',
  text: `with posted as materialized (
  select * from unnest($2::uuid[], $3::text[], $4::int[], $5::int[], $7::int[], $8::int[],
      $9::bool[])
    with ordinality as p (job_id, worker_id, claim_no, seq, output_at, output_length, is_repeat, n)
),
held as materialized (
  select posted.job_id, leases.claim_no, posted.n, posted.output_at, posted.output_length,
    coalesce(posted.seq, (
      select case when posted.is_repeat
          and output = substring($6::bytea from posted.output_at for posted.output_length)
        then seq else seq + 1 end
      from stream_chunks
      where stream_chunks.endpoint_id = $1 and stream_chunks.job_id = leases.job_id
        and stream_chunks.claim_no = leases.claim_no
      order by seq desc limit 1
    ), 0) as seq
  from posted cross join lateral (
    select job_id, claim_no from leases
    where leases.endpoint_id = $1 and leases.job_id = posted.job_id
      and leases.worker_id = posted.worker_id
      and (posted.claim_no is null or leases.claim_no = posted.claim_no)
    limit 1 for share
  ) as leases
),
stored as (
  insert into stream_chunks (endpoint_id, job_id, claim_no, seq, output)
  select $1, job_id, claim_no, seq, substring($6::bytea from output_at for output_length)
  from held order by job_id, claim_no, seq
  on conflict do nothing
)
select n from held`,
});

/**
 * Appends chunks to the streams of running jobs. `chunks` must not hold one job twice where `seq`
 * is null, and no other call may append one to such a job at the same time: both would be numbered
 * alike. A repeated (claim, seq) changes nothing and counts as taken.
 * @returns for each chunk, whether its worker still holds the job.
 */
export const appendChunks = async (
  store: Store,
  endpointId: EndpointId,
  chunks: readonly Chunk[],
): Promise<boolean[]> => {
  const outputs = toBlob(chunks.map((chunk) => chunk.output));
  const rows = await store.run<{ n: number }>(STATEMENT, [
    endpointId,
    chunks.map((chunk) => uuidOf(chunk.jobId)),
    chunks.map((chunk) => chunk.workerId),
    chunks.map((chunk) => chunk.claimNo),
    chunks.map((chunk) => chunk.seq),
    outputs.bytes,
    outputs.at,
    outputs.lengths,
    chunks.map((chunk) => chunk.isRepeat === true),
  ]);
  const taken = new Set(rows.map((row) => row.n));
  return chunks.map((_, index) => taken.has(index + 1));
};
