import { StreamBodySchema } from '@switchyard/contracts';
import type { Store, StreamedChunk } from '@switchyard/store';
import type { StatusReader } from '../read-status.ts';
import { type Streamed, streamJob } from '../stream-job.ts';
import type { Waiters } from '../wait-for-result.ts';
import { integerIn, jobIn } from './parameters.ts';
import type { Route } from './route.ts';

export type StreamContext = {
  readonly store: Store;
  readonly statuses: StatusReader;
  readonly waiters: Waiters;
};

/** Chunk numbers are integers of Postgres. */
const FROM = { minimum: 0, maximum: 2_147_483_647 };

/** `/stream`. */
export const streamRoutes = (context: StreamContext): Route[] => [
  {
    method: 'GET',
    path: '/v2/:endpoint/stream/:job',
    summary: 'The chunks that were not handed out before; waits up to 5 s for one.',
    access: 'endpoint',
    scope: 'read',
    query: [
      {
        name: 'from',
        schema: { type: 'integer', ...FROM },
        description: 'Read from this chunk on without handing out.',
      },
    ],
    success: { status: 200, schema: StreamBodySchema },
    errors: ['job.not_found', 'job.expired'],
    answer: async (call) => {
      const from = integerIn(call, 'from', FROM, undefined);
      const jobId = jobIn(call);
      context.waiters.admit();
      const { endpoint } = call;
      const streamed = await streamJob(context, { endpoint, jobId, from, hangUp: call.hangUp() });
      return { body: printStream(streamed, from !== undefined) };
    },
  },
];

/** The worker's own bytes between ours; a terminal status only with the last chunks. */
const printStream = ({ status, chunks, isLast }: Streamed, withPlace: boolean): Buffer => {
  const { state, error } = status;
  const running = state === 'IN_QUEUE' ? state : 'IN_PROGRESS';
  return Buffer.concat([
    Buffer.from(`{"status":"${isLast ? state : running}","stream":[`),
    ...chunks.flatMap((chunk, at) => printChunk(chunk, at, withPlace)),
    Buffer.from(']'),
    ...(isLast && error !== null ? [Buffer.from(',"error":'), error] : []),
    Buffer.from('}'),
  ]);
};

const printChunk = (
  { claimNo, seq, output }: StreamedChunk,
  at: number,
  withPlace: boolean,
): Buffer[] => [
  Buffer.from(at === 0 ? '{"output":' : ',{"output":'),
  output,
  Buffer.from(withPlace ? `,"switchyard":{"claim":${claimNo},"index":${seq}}}` : '}'),
];
