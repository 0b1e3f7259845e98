import type { IncomingHttpHeaders } from 'node:http';
import {
  AcceptedSchema,
  type Endpoint,
  type ErrorCode,
  type JobId,
  newJobId,
  type Refusal,
  RUN_BODY_MAX_BYTES,
  RUNSYNC_BODY_MAX_BYTES,
  StatusBodySchema,
  SubmissionSchema,
  WAIT_MS,
} from '@switchyard/contracts';
import { isTerminal } from '@switchyard/lifecycle';
import { describeWaited, type WaitedContext } from '../describe-waited.ts';
import { queueFull } from '../guard-queue.ts';
import { jobMissing } from '../read-status.ts';
import type { Accepted } from '../store-jobs.ts';
import { describeAccepted, IDEMPOTENCY_KEY, type SubmitContext, submitJob } from '../submit-job.ts';
import type { Waiters } from '../wait-for-result.ts';
import { integerIn } from './parameters.ts';
import { type EndpointCall, json, type Route } from './route.ts';
import { WAIT_PARAMETER } from './wait-parameter.ts';

export type RunContext = SubmitContext & WaitedContext & { readonly waiters: Waiters };

const KEY_PARAMETER = {
  name: 'Idempotency-Key',
  schema: { type: 'string', pattern: IDEMPOTENCY_KEY.source },
  description: 'The same key with the same body within 24 hours gives the same job.',
};
const ERRORS: readonly ErrorCode[] = [
  'request.body_invalid',
  'request.too_deep',
  'request.webhook_refused',
  'request.too_large',
  'request.media_type',
  'idempotency.mismatch',
  'job.not_found',
  'job.expired',
  'endpoint.queue_full',
  'outcome_unknown',
];

/** `/run` and `/runsync`. */
export const runRoutes = (context: RunContext): Route[] => [
  {
    method: 'POST',
    path: '/v2/:endpoint/run',
    summary: 'Queue a job.',
    access: 'endpoint',
    scope: 'submit',
    refusal: (endpoint, headers) => refusalOf(context, endpoint, headers),
    headers: [KEY_PARAMETER],
    body: { schema: SubmissionSchema, maxBytes: RUN_BODY_MAX_BYTES },
    success: { status: 200, schema: AcceptedSchema },
    errors: ERRORS,
    answer: async (call) => {
      const accepted = await submit(context, call, newJobId('async'));
      return json(await describeAccepted(context, call.endpoint, accepted));
    },
  },
  {
    method: 'POST',
    path: '/v2/:endpoint/runsync',
    summary: 'Queue a job and wait for its end.',
    access: 'endpoint',
    scope: 'submit',
    refusal: (endpoint, headers) => refusalOf(context, endpoint, headers),
    query: [WAIT_PARAMETER],
    headers: [KEY_PARAMETER],
    body: { schema: SubmissionSchema, maxBytes: RUNSYNC_BODY_MAX_BYTES },
    success: { status: 200, schema: StatusBodySchema },
    errors: ERRORS,
    answer: async (call) => {
      const waitMs = integerIn(call, 'wait', WAIT_MS, WAIT_MS.default);
      context.waiters.admit();
      const { jobId } = await submit(context, call, newJobId('sync'));
      call.dropBody();
      const hangUp = call.hangUp();
      const status = await context.waiters.wait(call.endpointId, jobId, {
        waitMs,
        wanted: ({ state }) => isTerminal(state),
        hangUp,
      });
      if (status !== undefined) {
        return { body: await describeWaited(context, call.endpoint, status) };
      }
      // Nobody hears this when the client is gone; the job goes on.
      if (hangUp.aborted) return json({ id: jobId, status: 'IN_QUEUE' });
      throw jobMissing(call.endpoint, jobId);
    },
  },
];

/**
 * A full queue takes nothing, whatever the body says: most requests of an overload end here. One
 * with a key may be the repeat of a job that it holds.
 */
const refusalOf = (
  { queueGuard }: RunContext,
  endpoint: Endpoint,
  headers: IncomingHttpHeaders,
): Refusal | undefined =>
  headers['idempotency-key'] === undefined && queueGuard.isFull(endpoint)
    ? queueFull(endpoint)
    : undefined;

const submit = (context: RunContext, call: EndpointCall, jobId: JobId): Promise<Accepted> =>
  submitJob(context, {
    source: 'http',
    endpoint: call.endpoint,
    jobId,
    body: call.body,
    key: call.header('idempotency-key'),
  });
