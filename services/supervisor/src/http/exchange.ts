import {
  decodeFrame,
  type ExchangeAnswer,
  type ExchangeRequest,
  ExchangeRequestSchema,
  encodeFrame,
  type JobId,
  POLL_HOLD_MS,
  parseJobId,
  refuse,
  validator,
} from '@switchyard/contracts';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Finisher } from '../finish-jobs.ts';
import { isJson } from '../read-result.ts';
import type { ProgressTeller } from '../tell-progress.ts';
import {
  getsNoMore,
  type HandedJob,
  HELD_SIGN_MS,
  hold,
  type Presence,
  type WorkerBook,
} from '../track-workers.ts';
import { type CallerParams, forCallers, type GatewayContext, readCaller } from './gateway.ts';

export type ExchangeContext = GatewayContext & {
  readonly workers: WorkerBook;
  readonly finisher: Finisher;
  readonly tellProgress: ProgressTeller;
  readonly changed: () => void;
};

type ExchangeRoute = { Params: CallerParams };
type Post = ExchangeRequest['posts'][number] & { readonly body: Buffer; readonly jobId: JobId };

const check = validator(ExchangeRequestSchema, 'exchange');
/** How often an inventory is stored that the worker repeats with each exchange, in ms. */
const INVENTORY_EVERY_MS = 5_000;

/** The exchange of Switchyard's own worker library: docs/worker-protocol.md. */
export const addExchangeRoute = (app: FastifyInstance, context: ExchangeContext): void => {
  app.post<ExchangeRoute>(
    '/v2/:endpoint/exchange/:worker',
    forCallers(context),
    async (call, reply) => {
      const caller = await readCaller(context, call);
      const request = readExchange(call.body);
      const { workers } = context;
      const meet = request.posts.length > 0 ? workers.hear : workers.see;
      const worker = meet(caller.endpointId, caller.workerId);
      const turn = takeTurn(worker);
      noteRoom(worker, request);
      context.changed();
      const accepted = await storePosts(context, worker, request);
      if (request.posts.length === 0) {
        const { waitMs, held } = request.header;
        // One that holds jobs is heard in time to know whether it is still there.
        const mostMs = held.length > 0 ? HELD_SIGN_MS : POLL_HOLD_MS;
        await waitForNews(worker, turn, Math.min(waitMs, mostMs), reply);
      }
      return sendAnswer(context, worker, turn, accepted, reply);
    },
  );
};

type Read = { readonly header: ExchangeRequest; readonly posts: readonly (Post | undefined)[] };

const readExchange = (body: unknown): Read => {
  const frame = Buffer.isBuffer(body) ? decodeFrame(body) : undefined;
  if (frame === undefined) throw refuse('request.body_invalid', 'The body is not a frame.');
  const header = check(frame.header);
  if (!header.ok) throw refuse('request.invalid', header.detail);
  if (header.value.posts.length !== frame.bodies.length) {
    throw refuse('request.invalid', 'The frame must have one body for each of exchange.posts.');
  }
  const posts = header.value.posts.map((post, index) => {
    const jobId = parseJobId(post.job);
    const bytes = frame.bodies[index];
    return jobId && bytes ? { ...post, jobId, body: bytes } : undefined;
  });
  return { header: header.value, posts };
};

type Turn = { newest: boolean; wake: () => void };

/** The newest exchange of a worker lets an older one go that is still held. */
const takeTurn = (worker: Presence): Turn => {
  const turn: Turn = { newest: true, wake: () => undefined };
  const before = turns.get(worker);
  if (before !== undefined) before.newest = false;
  before?.wake();
  turns.set(worker, turn);
  return turn;
};

const turns = new WeakMap<Presence, Turn>();

/**
 * What the worker calls free does not know of jobs that were handed to it in an answer which it had
 * not read yet: they are neither listed nor posted.
 */
const noteRoom = (worker: Presence, { header, posts }: Read): void => {
  const held = header.held.flatMap((id) => parseJobId(id) ?? []);
  const known = new Set<JobId>(held);
  for (const post of posts) if (post !== undefined) known.add(post.jobId);
  for (const post of posts) {
    if (post?.kind === 'output' || post?.kind === 'error') {
      worker.posting.set(post.jobId, { hooked: worker.holds.get(post.jobId)?.hooked ?? true });
      worker.holds.delete(post.jobId);
    }
  }
  const unread = [...worker.holds.keys()].filter((jobId) => !known.has(jobId)).length;
  worker.free = Math.max(0, header.free - unread);
  worker.slots = Math.max(1, header.free + held.length);
  if (performance.now() - worker.inventoryStoredAtMs > INVENTORY_EVERY_MS) {
    worker.inventory = [...new Set([...held, ...worker.posting.keys()])];
  }
  for (const [jobId, stop] of worker.stops) {
    if (!known.has(jobId) && stop.toldAtMs > 0) worker.stops.delete(jobId);
  }
};

/** Chunks first: a stream ends with its result. */
const storePosts = async (
  context: ExchangeContext,
  worker: Presence,
  { posts }: Read,
): Promise<boolean[]> => {
  const accepted = posts.map(() => false);
  const each = (want: (post: Post) => boolean) =>
    Promise.all(
      posts.map(async (post, index) => {
        if (post === undefined || !want(post)) return;
        accepted[index] = await storePost(context, worker, post);
      }),
    );
  await each((post) => post.kind === 'chunk' || post.kind === 'progress');
  await each((post) => post.kind === 'output' || post.kind === 'error');
  return accepted;
};

const storePost = async (
  { tellProgress, finisher }: ExchangeContext,
  worker: Presence,
  post: Post,
): Promise<boolean> => {
  const { endpointId, workerId } = worker;
  const { jobId, claimNo, body } = post;
  const readable = isJson(body);
  switch (post.kind) {
    case 'progress':
      return readable && tellProgress({ endpointId, workerId, jobId, claimNo, output: body });
    case 'chunk': {
      if (!readable || post.seq === undefined) return false;
      const chunk = { jobId, workerId, claimNo, seq: post.seq, output: body };
      return finisher.append(endpointId, chunk);
    }
    case 'output':
    case 'error':
      return storeResult(finisher, worker, post, readable);
    default:
      throw new TypeError(`no such post: ${post.kind satisfies never}`);
  }
};

const NO_JSON = Buffer.from('"The worker posted a result that is not JSON."');

const storeResult = async (
  finisher: Finisher,
  worker: Presence,
  { kind, jobId, claimNo, body }: Post,
  readable: boolean,
): Promise<boolean> => {
  const { endpointId, workerId } = worker;
  const job = { jobId, workerId, claimNo };
  const finish =
    kind === 'output' && readable
      ? { ...job, status: 'COMPLETED' as const, output: body, error: undefined }
      : {
          ...job,
          status: 'FAILED' as const,
          output: undefined,
          error: readable ? body : NO_JSON,
        };
  try {
    return await finisher.finish(endpointId, finish, worker.posting.get(jobId)?.hooked ?? true);
  } finally {
    worker.posting.delete(jobId);
  }
};

const hasNews = (worker: Presence): boolean =>
  worker.mailbox.length > 0 || worker.stops.size > 0 || getsNoMore(worker);

const waitForNews = (
  worker: Presence,
  turn: Turn,
  waitMs: number,
  reply: FastifyReply,
): Promise<void> =>
  new Promise((resolve) => {
    if (!turn.newest || hasNews(worker)) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      if (worker.wakeExchange === wake) worker.wakeExchange = undefined;
      resolve();
    };
    // What comes in the same turn of the event loop leaves in the same answer.
    const wake = (): void => {
      setImmediate(end);
    };
    const timer = setTimeout(end, waitMs);
    turn.wake = end;
    worker.wakeExchange = wake;
    reply.raw.once('close', end);
  });

const sendAnswer = (
  { changed }: ExchangeContext,
  worker: Presence,
  turn: Turn,
  accepted: boolean[],
  reply: FastifyReply,
): FastifyReply => {
  const gone = reply.raw.destroyed || reply.raw.socket?.destroyed === true;
  const brokeOff = gone && turn.newest;
  // Nothing is for it until it asks again.
  if (brokeOff) worker.free = 0;
  const jobs = gone || !turn.newest ? [] : worker.mailbox.splice(0).map(({ job }) => job);
  for (const job of jobs) hold(worker, job);
  worker.free = Math.max(0, worker.free - jobs.length);
  const answer: ExchangeAnswer = {
    accepted,
    jobs: jobs.map(tellJob),
    stop: [...worker.stops].map(([job, { claimNo, reason }]) => ({ job, claimNo, reason })),
    drain: worker.state === 'draining',
  };
  for (const stop of worker.stops.values()) stop.toldAtMs = performance.now();
  if (jobs.length > 0 || brokeOff) changed();
  return reply.type('application/octet-stream').send(
    encodeFrame(
      answer,
      jobs.map((job) => job.input),
    ),
  );
};

const tellJob = (job: HandedJob): ExchangeAnswer['jobs'][number] => ({
  job: job.jobId,
  claimNo: job.claimNo,
  executionTimeoutMs: job.executionTimeoutMs,
  ...(job.webhook === null ? {} : { webhook: job.webhook }),
  ...(job.s3Config === undefined ? {} : { s3Config: job.s3Config }),
});
