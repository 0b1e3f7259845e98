import { type EndpointId, type JobId, uuidOf } from '@switchyard/contracts';
import type { Store } from '../open-store.ts';
import { statement } from '../statement.ts';
import { type ChunkRow, chunksIn, firstOf, type StreamedChunk } from './chunk.ts';

const STATEMENT = statement({
  name: 'peek_stream_chunks',
  text: `${firstOf(`select claim_no, seq, output from stream_chunks
    where endpoint_id = $1 and job_id = $2::uuid and seq >= $3 and claim_no = (
      select max(claim_no) from stream_chunks where endpoint_id = $1 and job_id = $2::uuid
    )`)}
order by seq`,
});

/** The chunks of the newest claim from `fromSeq` on, without handing them out. */
export const peekStreamChunks = async (
  store: Store,
  endpointId: EndpointId,
  jobId: JobId,
  fromSeq: number,
): Promise<StreamedChunk[]> =>
  chunksIn(await store.run<ChunkRow>(STATEMENT, [endpointId, uuidOf(jobId), fromSeq]));
