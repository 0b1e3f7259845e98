import { type EndpointId, type JobId, uuidOf, type WorkerId } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { toBlob } from './blob.ts';

/** A chunk to be stored for the claim that its worker holds. */
export type Chunk = {
  readonly jobId: JobId;
  readonly workerId: WorkerId;
  /** Raw JSON. */
  readonly output: Buffer;
} & (Numbered | Posted);

/** The worker named the claim, and counts. */
type Numbered = { readonly claimNo: number; readonly seq: number };

/** RunPod's protocol: the chunk goes behind the last one of the live claim. */
type Posted = {
  readonly claimNo: null;
  readonly seq: null;
  /** A UUID of its own: with it the chunk is stored once, however often that is asked. */
  readonly postId: string;
  /** For how long it has been here. A claim that started since then is not its own. */
  readonly heldMs: number;
};

const STATEMENT = statement({
  name: 'append_chunks',
  text: `with posted as materialized (
  select * from unnest($2::uuid[], $3::text[], $4::int[], $5::int[], $7::int[], $8::int[],
      $9::uuid[], $10::int[])
    with ordinality
      as p (job_id, worker_id, claim_no, seq, output_at, output_length, post_id, held_ms, n)
),
held as materialized (
  select posted.job_id, leases.claim_no, posted.n, posted.output_at, posted.output_length,
    posted.post_id,
    coalesce(posted.seq, (
      select seq + 1 from stream_chunks
      where stream_chunks.endpoint_id = $1 and stream_chunks.job_id = leases.job_id
        and stream_chunks.claim_no = leases.claim_no
      order by seq desc limit 1
    ), 0) as seq
  from posted cross join lateral (
    select job_id, claim_no from leases
    where leases.endpoint_id = $1 and leases.job_id = posted.job_id
      and leases.worker_id = posted.worker_id
      and (posted.claim_no = leases.claim_no
        or posted.claim_no is null
          and leases.started_at <= statement_timestamp() - posted.held_ms * interval '1 ms')
    limit 1 for share
  ) as leases
),
stored as (
  insert into stream_chunks (endpoint_id, job_id, claim_no, seq, output, post_id)
  select $1, job_id, claim_no, seq, substring($6::bytea from output_at for output_length), post_id
  from held order by job_id, claim_no, seq
  on conflict do nothing
)
select n from held`,
});

/**
 * Appends chunks to the streams of running jobs. `chunks` must not hold one job twice where `seq`
 * is null, and no other call may append one to such a job at the same time: both would be numbered
 * alike. A repeated (claim, seq) or `postId` changes nothing and counts as taken.
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
    chunks.map((chunk) => (chunk.seq === null ? chunk.postId : null)),
    chunks.map((chunk) => (chunk.seq === null ? Math.floor(chunk.heldMs) : null)),
  ]);
  const taken = new Set(rows.map((row) => row.n));
  return chunks.map((_, index) => taken.has(index + 1));
};
