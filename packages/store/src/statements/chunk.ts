export type StreamedChunk = {
  readonly claimNo: number;
  readonly seq: number;
  /** Raw JSON. */
  readonly output: Buffer;
};

/** Bounds of one answer. */
export const CHUNKS_MAX = 1_000;

export type ChunkRow = { claim_no: number | null; seq: number | null; output: Buffer | null };

/** The chunks in the rows of a statement that may also have found none. */
export const chunksIn = (rows: readonly ChunkRow[]): StreamedChunk[] =>
  rows.flatMap(({ claim_no: claimNo, seq, output }) =>
    claimNo === null || seq === null || output === null ? [] : [{ claimNo, seq, output }],
  );
