import { createHash } from 'node:crypto';
import {
  AcceptedSchema,
  type ErrorCode,
  type JobId,
  newJobId,
  PolicySchema,
  RUN_BODY_MAX_BYTES,
  RUNSYNC_BODY_MAX_BYTES,
  refuse,
  S3ConfigSchema,
  StatusBodySchema,
  uuidOf,
  WAIT_MS,
  WebhookSchema,
} from '@switchyard/contracts';
import { isTerminal, rankOf } from '@switchyard/lifecycle';
import type { Sealer, TargetGuard } from '@switchyard/runtime';
import type { NewJob } from '@switchyard/store';
import type { Accepted, Acceptor } from '../accept-jobs.ts';
import { describeStatus } from '../describe-status.ts';
import type { QueueGuard } from '../guard-queue.ts';
import type { StatusReader } from '../read-status.ts';
import { readSubmission } from '../read-submission.ts';
import type { ProgressMemory } from '../remember-progress.ts';
import type { Waiters } from '../wait-for-result.ts';
import { integerIn } from './parameters.ts';
import { type EndpointCall, json, type Route } from './route.ts';
import { WAIT_PARAMETER } from './wait-parameter.ts';

export type RunContext = {
  readonly acceptor: Acceptor;
  readonly queueGuard: QueueGuard;
  readonly sealer: Sealer;
  readonly targetGuard: TargetGuard;
  readonly statuses: StatusReader;
  readonly waiters: Waiters;
  readonly progress: ProgressMemory;
};

const KEY = /^[\x21-\x7e]{1,255}$/;

const SUBMISSION_SCHEMA = {
  type: 'object',
  required: ['input'],
  properties: {
    input: { description: 'Any JSON value; its bytes reach the worker as they were sent.' },
    webhook: WebhookSchema,
    policy: PolicySchema,
    s3Config: S3ConfigSchema,
  },
};
const KEY_PARAMETER = {
  name: 'Idempotency-Key',
  schema: { type: 'string', pattern: KEY.source },
  description: 'The same key with the same body within 24 hours gives the same job.',
};
const ERRORS: readonly ErrorCode[] = [
  'request.body_invalid',
  'request.too_deep',
  'request.webhook_refused',
  'request.too_large',
  'request.media_type',
  'idempotency.mismatch',
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
    headers: [KEY_PARAMETER],
    body: { schema: SUBMISSION_SCHEMA, maxBytes: RUN_BODY_MAX_BYTES },
    success: { status: 200, schema: AcceptedSchema },
    errors: ERRORS,
    answer: async (call) => {
      const accepted = await submit(context, call, newJobId('async'));
      const status =
        accepted.kind === 'stored' ? 'IN_QUEUE' : await stateOf(context, call, accepted);
      return json({ id: accepted.jobId, status });
    },
  },
  {
    method: 'POST',
    path: '/v2/:endpoint/runsync',
    summary: 'Queue a job and wait for its end.',
    access: 'endpoint',
    scope: 'submit',
    query: [WAIT_PARAMETER],
    headers: [KEY_PARAMETER],
    body: { schema: SUBMISSION_SCHEMA, maxBytes: RUNSYNC_BODY_MAX_BYTES },
    success: { status: 200, schema: StatusBodySchema },
    errors: ERRORS,
    answer: async (call) => {
      const waitMs = integerIn(call, 'wait', WAIT_MS, WAIT_MS.default);
      context.waiters.admit();
      const { jobId } = await submit(context, call, newJobId('sync'));
      const status = await context.waiters.wait(call.endpointId, jobId, {
        waitMs,
        wanted: ({ state }) => isTerminal(state),
        hangUp: call.hangUp(),
      });
      // Nobody hears this when the client is gone; the job goes on.
      if (status === undefined) return json({ id: jobId, status: 'IN_QUEUE' });
      return { body: describeStatus(context.progress, call.endpoint, status) };
    },
  },
];

const submit = async (context: RunContext, call: EndpointCall, jobId: JobId): Promise<Accepted> => {
  const idempotency = idempotencyOf(call);
  const job = newJob(context, call, jobId, idempotency);
  await context.queueGuard.admit(call.endpoint);
  return context.acceptor.accept(call.endpointId, job);
};

const newJob = (
  { sealer, targetGuard }: RunContext,
  { endpoint, endpointId, body }: EndpointCall,
  jobId: JobId,
  idempotency: NewJob['idempotency'],
): NewJob => {
  const { input, webhook, policy, s3Config } = readSubmission(body, endpoint, targetGuard);
  return {
    jobId,
    input,
    webhook,
    executionTimeoutMs: policy.executionTimeoutMs,
    ttlMs: policy.ttlMs,
    rank: rankOf(policy.priority),
    secret: s3Config && sealer.seal(s3Config, `${endpointId}|${uuidOf(jobId)}|s3Config`),
    idempotency,
  };
};

const idempotencyOf = (call: EndpointCall): NewJob['idempotency'] => {
  const key = call.header('idempotency-key');
  if (key === undefined) return undefined;
  if (!KEY.test(key)) {
    const detail = 'Idempotency-Key must be 1 to 255 visible ASCII characters without spaces.';
    throw refuse('request.invalid', detail);
  }
  return { key, bodyHash: createHash('sha256').update(call.body).digest() };
};

const stateOf = async ({ statuses }: RunContext, call: EndpointCall, { jobId }: Accepted) =>
  (await statuses.find(call.endpoint, jobId)).state;
