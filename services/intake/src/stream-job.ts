import { type Endpoint, type EndpointId, type JobId, STREAM_WAIT_MS } from '@switchyard/contracts';
import { isTerminal } from '@switchyard/lifecycle';
import {
  isFullAnswer,
  type JobStatus,
  peekStreamChunks,
  type Store,
  type StreamedChunk,
  takeStreamChunks,
} from '@switchyard/store';
import type { StatusReader } from './read-status.ts';
import type { Waiters } from './wait-for-result.ts';

export type StreamRequest = {
  readonly endpoint: Endpoint;
  readonly jobId: JobId;
  /** From this chunk on, without handing out; undefined: what was not handed out before. */
  readonly from: number | undefined;
  readonly hangUp: AbortSignal;
};

export type Streamed = {
  readonly status: JobStatus;
  readonly chunks: readonly StreamedChunk[];
  /** Whether the job has ended and these are its last chunks. */
  readonly isLast: boolean;
};

type Context = {
  readonly store: Store;
  readonly statuses: StatusReader;
  readonly waiters: Waiters;
};

/**
 * The next chunks of a job, waited for up to STREAM_WAIT_MS. The status is read before the chunks:
 * a worker's last chunk is stored before its result, so that a status that says "ended" vouches for
 * the chunks that are read after it. @throws Refusal `job.not_found`, `job.expired`.
 */
export const streamJob = async (context: Context, request: StreamRequest): Promise<Streamed> => {
  const { endpoint, jobId, hangUp } = request;
  const untilMs = performance.now() + STREAM_WAIT_MS;
  let status = await context.statuses.find(endpoint, jobId);
  while (!hangUp.aborted) {
    const chunks = await readChunks(context.store, request);
    const isLast = isTerminal(status.state) && !isFullAnswer(chunks);
    if (isLast || chunks.length > 0) return { status, chunks, isLast };
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0) break;
    const next = await context.waiters.wait(endpoint.id as EndpointId, jobId, {
      waitMs: leftMs,
      wanted: ({ state }) => state !== 'IN_QUEUE',
      hangUp,
    });
    if (next === undefined) break;
    status = next;
  }
  return { status, chunks: [], isLast: false };
};

const readChunks = (store: Store, { endpoint, jobId, from }: StreamRequest) => {
  const id = endpoint.id as EndpointId;
  return from === undefined
    ? takeStreamChunks(store, id, jobId)
    : peekStreamChunks(store, id, jobId, from);
};
