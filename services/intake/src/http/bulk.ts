import { Readable } from 'node:stream';
import {
  BulkAnswerSchema,
  NDJSON,
  RUN_BODY_MAX_BYTES,
  SubmissionSchema,
} from '@switchyard/contracts';
import type { BulkSubmitter } from '../submit-bulk.ts';
import type { Route } from './route.ts';

export type BulkRoutesContext = { readonly bulk: BulkSubmitter };

/**
 * How much of an answer waits for a client that does not read it yet, in bytes: many send all of
 * their body first. Those who send more lines than this answers have to read meanwhile.
 */
const ANSWER_WAITING_MAX_BYTES = 16 * 1_048_576;

/** Many submissions in one request. */
export const bulkRoutes = ({ bulk }: BulkRoutesContext): Route[] => [
  {
    method: 'POST',
    path: '/v1/endpoints/:endpoint/jobs/bulk',
    summary: 'Queue a job for each line of the body; the answer has a line for each, in order.',
    access: 'endpoint',
    scope: 'submit',
    headers: [
      {
        name: 'Idempotency-Key',
        schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,240}$' },
        description:
          'The same key with the same line at the same place within 24 hours gives the same job.',
      },
    ],
    body: { schema: SubmissionSchema, maxBytes: RUN_BODY_MAX_BYTES, type: NDJSON },
    success: { status: 200, schema: BulkAnswerSchema, type: NDJSON },
    errors: ['request.media_type'],
    answer: async (call) => {
      const { endpoint, stream, requestId } = call;
      const key = call.header('idempotency-key');
      const answers = bulk.submit({ endpoint, body: stream, key, requestId });
      return {
        contentType: NDJSON,
        body: Readable.from(answers, {
          objectMode: false,
          highWaterMark: ANSWER_WAITING_MAX_BYTES,
        }),
      };
    },
  },
];
