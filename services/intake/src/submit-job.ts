import { createHash } from 'node:crypto';
import {
  type Endpoint,
  type EndpointId,
  type JobId,
  refuse,
  type State,
  uuidOf,
} from '@switchyard/contracts';
import { rankOf } from '@switchyard/lifecycle';
import type { Sealer, TargetGuard } from '@switchyard/runtime';
import type { NewJob, SubmissionSource } from '@switchyard/store';
import type { Acceptor } from './accept-jobs.ts';
import type { RepeatFinder } from './find-repeats.ts';
import { type QueueGuard, queueFull } from './guard-queue.ts';
import type { StartGuard } from './guard-start.ts';
import type { StatusReader } from './read-status.ts';
import { readSubmission, type Submission } from './read-submission.ts';
import { type Accepted, KEY_NAMES } from './store-jobs.ts';

export type SubmitContext = {
  readonly acceptor: Acceptor;
  readonly queueGuard: QueueGuard;
  readonly repeats: RepeatFinder;
  readonly startGuard: StartGuard;
  readonly sealer: Sealer;
  readonly targetGuard: TargetGuard;
  readonly statuses: StatusReader;
};

/** A submission as it came in, whichever door it took. */
export type Submitted = {
  readonly source: SubmissionSource;
  readonly endpoint: Endpoint;
  /** The id that the job gets, unless `key` stands for an earlier one. */
  readonly jobId: JobId;
  readonly body: Buffer;
  /** The sender's Idempotency-Key or message id, if it gave one. */
  readonly key: string | undefined;
};

/** What an idempotency key may be, of HTTP and of brokers alike. */
export const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * Checks a submission and stores it as a job; resolves after the commit.
 * @throws Refusal: what is wrong with the submission, or why it cannot be taken now; of
 * `outcome_unknown` nobody knows whether it was stored. StoreUnavailable: nothing was stored.
 */
export const submitJob = async (context: SubmitContext, given: Submitted): Promise<Accepted> => {
  const { source, endpoint, key } = given;
  if (key !== undefined) checkKey(key, source);
  const { job, startAfter } = readJob(context, given);
  if (startAfter !== undefined) await context.startGuard.admit(startAfter);
  const accept = () => context.acceptor.accept(endpoint.id as EndpointId, source, job);
  if (endpoint.limits.maxQueued === null) return accept();
  const places = await context.queueGuard.admitUpTo(endpoint, 1);
  if (places.count === 0 && !(await isRepeat(context, given))) throw queueFull(endpoint);
  return accept().finally(places.settle);
};

const isRepeat = async (
  { repeats }: SubmitContext,
  { source, endpoint, key }: Submitted,
): Promise<boolean> =>
  key !== undefined && (await repeats.find(endpoint.id as EndpointId, source, [key])).has(key);

/**
 * What `/run` answers, by HTTP and by the broker: the id with the state that the job has by now.
 * @throws Refusal `job.expired` when a repeat came after the retention; StoreUnavailable.
 */
export const describeAccepted = async (
  { statuses }: SubmitContext,
  endpoint: Endpoint,
  { kind, jobId }: Accepted,
): Promise<{ readonly id: JobId; readonly status: State }> => {
  const isNew = kind === 'stored';
  const status = isNew ? 'IN_QUEUE' : (await statuses.find(endpoint, jobId)).state;
  return { id: jobId, status };
};

/** @throws Refusal `request.invalid` for an idempotency key that is none. */
const checkKey = (key: string, source: SubmissionSource): void => {
  if (IDEMPOTENCY_KEY.test(key)) return;
  const name = KEY_NAMES[source];
  const detail = `The ${name} must be 1 to 255 visible ASCII characters without spaces.`;
  throw refuse('request.invalid', detail);
};

export type ReadJob = { readonly job: NewJob } & Pick<Submission, 'startAfter'>;

/** The job that a submission asks for. @throws Refusal: what is wrong with its body. */
export const readJob = (
  { sealer, targetGuard }: Pick<SubmitContext, 'sealer' | 'targetGuard'>,
  { endpoint, jobId, body, key }: Omit<Submitted, 'source'>,
): ReadJob => {
  const submission = readSubmission(body, endpoint, targetGuard);
  const { input, webhook, policy, s3Config, startAfter } = submission;
  const job = {
    jobId,
    input,
    webhook,
    executionTimeoutMs: policy.executionTimeoutMs,
    ttlMs: policy.ttlMs,
    rank: rankOf(policy.priority),
    startAtMs: policy.startAtMs,
    secret: s3Config && sealer.seal(s3Config, `${endpoint.id}|${uuidOf(jobId)}|s3Config`),
    idempotency: key === undefined ? undefined : { key, bodyHash: hashOf(body) },
  };
  return { job, startAfter };
};

const hashOf = (body: Buffer): Buffer => createHash('sha256').update(body).digest();
