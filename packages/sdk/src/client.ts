import { randomUUID } from 'node:crypto';
import {
  AcceptedSchema,
  type BulkAnswer,
  type Health,
  HealthSchema,
  PurgedSchema,
  type RequestsPage,
  RequestsPageSchema,
  type State,
  type StatusBody,
  StatusBodySchema,
  StreamBodySchema,
  validator,
  WAIT_MS,
} from '@switchyard/contracts';
import { readAnswer } from './answers.ts';
import { type BulkOptions, submitLines } from './bulk.ts';
import { type EndpointCalls, endpointCalls, type KeyCalls, keyCalls } from './management.ts';
import { type OperationCalls, operationCalls } from './operations.ts';
import { createSend, createSendStream, type Send, type SendOptions } from './send.ts';
import { type StreamChunk, type StreamEnd, streamChunks } from './stream.ts';
import { bodyOf, type Submission } from './submission.ts';
import { waitForJobs } from './wait.ts';

export type ClientOptions = SendOptions;
export type Accepted = { readonly id: string; readonly status: State };
export type CallOptions = { readonly signal?: AbortSignal };
export type RunOptions = CallOptions & {
  /** The same key with the same body gives the same job for 24 hours; default a fresh one. */
  readonly idempotencyKey?: string;
};
export type WaitOptions = CallOptions & {
  /** How long the server waits for the end, in ms, 1,000 to 300,000; default 90,000. */
  readonly waitMs?: number;
};
export type RequestsQuery = {
  readonly status?: State;
  readonly cursor?: string;
  readonly limit?: number;
};

/**
 * The calls of one server. Each rejects with an ApiError (refused), an UnreachableError (no
 * answer), an AnswerError (not Switchyard's), or the reason of its signal.
 */
export type Client = OperationCalls & {
  /** Queues a job; resolves once it is on disk. */
  run(endpoint: string, submission: Submission, options?: RunOptions): Promise<Accepted>;
  /**
   * Queues a job for each line of `body`, NDJSON whose lines are bodies of `/run`: the answers, in
   * order, each once its job is on disk, while the body is still read. It is not made again when it
   * fails: with an idempotency key that is safe to do as a whole.
   */
  runLines(
    endpoint: string,
    body: AsyncIterable<Uint8Array>,
    options?: BulkOptions,
  ): AsyncGenerator<BulkAnswer, void>;
  /** Queues a job and waits for its end: the status as it stands when the wait is over. */
  runSync(
    endpoint: string,
    submission: Submission,
    options?: RunOptions & WaitOptions,
  ): Promise<StatusBody>;
  status(endpoint: string, jobId: string, options?: CallOptions): Promise<StatusBody>;
  statusSync(endpoint: string, jobId: string, options?: WaitOptions): Promise<StatusBody>;
  /** Each chunk from `from` (0) on, as it comes; returns how the job ended. */
  stream(
    endpoint: string,
    jobId: string,
    options?: CallOptions & { readonly from?: number },
  ): AsyncGenerator<StreamChunk, StreamEnd>;
  /** The status of each job once it has ended, in the order in which they end. */
  wait(
    endpoint: string,
    jobIds: readonly string[],
    options?: CallOptions & { readonly lanes?: number },
  ): AsyncGenerator<StatusBody, void>;
  cancel(endpoint: string, jobId: string, options?: CallOptions): Promise<Accepted>;
  /** Queues a job that is FAILED or TIMED_OUT again. */
  retry(endpoint: string, jobId: string, options?: CallOptions): Promise<Accepted>;
  /** Cancels every queued job. */
  purgeQueue(endpoint: string, options?: CallOptions): Promise<{ readonly removed: number }>;
  health(endpoint: string, options?: CallOptions): Promise<Health>;
  /** A page of jobs, newest first, without payloads. */
  requests(endpoint: string, query?: RequestsQuery, options?: CallOptions): Promise<RequestsPage>;
  readonly endpoints: EndpointCalls;
  readonly keys: KeyCalls;
};

const checkAccepted = validator(AcceptedSchema);
const checkStatus = validator(StatusBodySchema);
const checkStream = validator(StreamBodySchema);
const checkHealth = validator(HealthSchema);
const checkPurged = validator(PurgedSchema);
const checkPage = validator(RequestsPageSchema);

/** Node's fetch gives up on an answer that has not begun after 300 s. */
const WAIT_SENT_MAX_MS = 290_000;
const LANES = 16;
/** RunPod's clients send the same to calls that need no body. */
const NO_BODY = Buffer.from('{}');

/**
 * A client of the server at `baseUrl`. Connections are kept and shared with every other use of
 * fetch in this process. @throws TypeError for a base URL that is none.
 */
export const createClient = (options: ClientOptions): Client => {
  const send = createSend(options);
  const sendStream = createSendStream(options);
  return {
    ...jobCalls(send),
    runLines: (endpoint, body, bulk = {}) => submitLines(sendStream, endpoint, body, bulk),
    ...endpointWideCalls(send),
    ...managementOf(send),
  };
};

const managementOf = (send: Send): OperationCalls & Pick<Client, 'endpoints' | 'keys'> => ({
  ...operationCalls(send),
  endpoints: endpointCalls(send),
  keys: keyCalls(send),
});

const jobCalls = (
  send: Send,
): Pick<
  Client,
  'run' | 'runSync' | 'status' | 'statusSync' | 'stream' | 'wait' | 'cancel' | 'retry'
> => {
  const statusSync: Client['statusSync'] = async (endpoint, jobId, options = {}) => {
    const heldMs = waitMsOf(options);
    const path = ['v2', endpoint, 'status-sync', jobId];
    return readAnswer(await get(send, path, { wait: heldMs }, options.signal, heldMs), checkStatus);
  };
  return {
    statusSync,
    run: async (endpoint, submission, options = {}) =>
      readAnswer(await submit(send, endpoint, submission, options), checkAccepted),
    runSync: async (endpoint, submission, options = {}) => {
      const waitMs = waitMsOf(options);
      return readAnswer(await submit(send, endpoint, submission, options, waitMs), checkStatus);
    },
    status: async (endpoint, jobId, { signal } = {}) =>
      readAnswer(await get(send, ['v2', endpoint, 'status', jobId], {}, signal), checkStatus),
    stream: (endpoint, jobId, { from = 0, signal } = {}) =>
      streamChunks(async (next) => {
        const path = ['v2', endpoint, 'stream', jobId];
        return readAnswer(await get(send, path, { from: next }, signal), checkStream);
      }, from),
    wait: (endpoint, jobIds, { lanes = LANES, signal } = {}) =>
      waitForJobs(
        (jobId, waitMs, stopped) => statusSync(endpoint, jobId, { waitMs, signal: stopped }),
        jobIds,
        { lanes, signal },
      ),
    cancel: async (endpoint, jobId, { signal } = {}) =>
      readAnswer(await post(send, ['v2', endpoint, 'cancel', jobId], true, signal), checkAccepted),
    // A second one would be refused, because the first has queued the job already.
    retry: async (endpoint, jobId, { signal } = {}) =>
      readAnswer(await post(send, ['v2', endpoint, 'retry', jobId], false, signal), checkAccepted),
  };
};

const endpointWideCalls = (send: Send): Pick<Client, 'purgeQueue' | 'health' | 'requests'> => ({
  purgeQueue: async (endpoint, { signal } = {}) =>
    readAnswer(await post(send, ['v2', endpoint, 'purge-queue'], true, signal), checkPurged),
  health: async (endpoint, { signal } = {}) =>
    readAnswer(await get(send, ['v2', endpoint, 'health'], {}, signal), checkHealth),
  requests: async (endpoint, query = {}, { signal } = {}) =>
    readAnswer(await get(send, ['v2', endpoint, 'requests'], query, signal), checkPage),
});

const submit = (
  send: Send,
  endpoint: string,
  submission: Submission,
  { idempotencyKey = randomUUID(), signal }: RunOptions,
  waitMs?: number,
): Promise<Buffer> =>
  send({
    method: 'POST',
    path: ['v2', endpoint, waitMs === undefined ? 'run' : 'runsync'],
    query: { wait: waitMs },
    body: bodyOf(submission),
    idempotencyKey,
    repeatable: true,
    heldMs: waitMs ?? 0,
    signal,
  });

const get = (
  send: Send,
  path: readonly string[],
  query: Readonly<Record<string, string | number | undefined>>,
  signal: AbortSignal | undefined,
  heldMs = 0,
): Promise<Buffer> => send({ method: 'GET', path, query, repeatable: true, heldMs, signal });

const post = (
  send: Send,
  path: readonly string[],
  repeatable: boolean,
  signal: AbortSignal | undefined,
): Promise<Buffer> => send({ method: 'POST', path, body: NO_BODY, repeatable, signal });

const waitMsOf = ({ waitMs = WAIT_MS.default }: WaitOptions): number =>
  Math.min(waitMs, WAIT_SENT_MAX_MS);
