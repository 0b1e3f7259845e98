import { READ_MAX_BYTES } from './bounds.ts';

export type StreamedChunk = {
  readonly claimNo: number;
  readonly seq: number;
  /** Raw JSON. */
  readonly output: Buffer;
};

/** The most of one answer, which ends with the chunk that reaches it or READ_MAX_BYTES. */
const CHUNKS_MAX = 1_000;

/** Whether `chunks` reach a bound of one answer, so that it may have left some behind. */
export const isFullAnswer = (chunks: readonly StreamedChunk[]): boolean =>
  chunks.length >= CHUNKS_MAX ||
  chunks.reduce((sum, { output }) => sum + output.length, 0) >= READ_MAX_BYTES;

/**
 * The first rows of `chunks`, a query of stream_chunks, by seq, up to the bounds of one answer. A
 * length is known without reading what is long.
 */
export const firstOf = (chunks: string): string => `select claim_no, seq, output from (
  select claim_no, seq, output,
    sum(octet_length(output)) over (order by seq) - octet_length(output) as bytes_before
  from (${chunks} order by seq limit ${CHUNKS_MAX}) as near
) as measured
where bytes_before < ${READ_MAX_BYTES}`;

export type ChunkRow = { claim_no: number | null; seq: number | null; output: Buffer | null };

/** The chunks in the rows of a statement that may also have found none. */
export const chunksIn = (rows: readonly ChunkRow[]): StreamedChunk[] =>
  rows.flatMap(({ claim_no: claimNo, seq, output }) =>
    claimNo === null || seq === null || output === null ? [] : [{ claimNo, seq, output }],
  );
