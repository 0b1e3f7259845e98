import { type EndpointId, type JobId, uuidOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { type ChunkRow, chunksIn, firstOf, type StreamedChunk } from './chunk.ts';

/** The lock keeps the job from being deleted without its cursor. */
const OPEN_CURSOR = statement({
  name: 'open_stream_cursor',
  text: `insert into stream_cursors (endpoint_id, job_id, claim_no, next_seq)
    select $1, job_id, 0, 0 from jobs where endpoint_id = $1 and job_id = $2::uuid for key share
    on conflict do nothing`,
});

/**
 * The cursor is locked before the chunks are chosen, so that two readers share them. Only the
 * newest claim with chunks counts: what an earlier worker streamed before it was lost is over.
 */
const TAKE = statement({
  name: 'take_stream_chunks',
  text: `with place as materialized (
  select claim_no, next_seq from stream_cursors
  where endpoint_id = $1 and job_id = $2::uuid for update
),
newest as materialized (
  select max(claim_no) as claim_no from stream_chunks where endpoint_id = $1 and job_id = $2::uuid
),
chosen as materialized (
  ${firstOf(`select chunk.claim_no, chunk.seq, chunk.output
    from stream_chunks as chunk, place, newest
    where chunk.endpoint_id = $1 and chunk.job_id = $2::uuid and chunk.claim_no = newest.claim_no
      and chunk.seq >= case when place.claim_no = newest.claim_no then place.next_seq else 0 end`)}
),
moved as (
  update stream_cursors set claim_no = last.claim_no, next_seq = last.seq + 1
  from (select claim_no, max(seq) as seq from chosen group by claim_no) as last
  where stream_cursors.endpoint_id = $1 and stream_cursors.job_id = $2::uuid
)
select place.claim_no is not null as open, chosen.claim_no, chosen.seq, chosen.output
from place left join chosen on true order by chosen.seq`,
});

/** Hands out the chunks that were not handed out before; what the answer loses is lost. */
export const takeStreamChunks = async (
  store: Store,
  endpointId: EndpointId,
  jobId: JobId,
): Promise<StreamedChunk[]> => {
  const values = [endpointId, uuidOf(jobId)];
  const rows = await store.run<ChunkRow>(TAKE, values);
  if (rows.length > 0) return chunksIn(rows);
  await store.run(OPEN_CURSOR, values);
  return chunksIn(await store.run<ChunkRow>(TAKE, values));
};
