import { randomUUID } from 'node:crypto';
import {
  CHUNK_MAX_BYTES,
  POLL_HOLD_MS,
  type Problem,
  parseJobId,
  Refusal,
  refuse,
} from '@switchyard/contracts';
import { StoreUnavailable } from '@switchyard/store';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { cleanLine } from '../clean-line.ts';
import { describeJob } from '../describe-job.ts';
import type { Finisher } from '../finish-jobs.ts';
import { type PostedResult, readChunk, readResult, skipPost, unreadable } from '../read-result.ts';
import type { ProgressTeller } from '../tell-progress.ts';
import { getsNoMore, type HandedJob, type Presence, type WorkerBook } from '../track-workers.ts';
import {
  BODY_MAX_BYTES,
  type CallerParams,
  createPausedRefusals,
  forCallers,
  type GatewayContext,
  readCaller,
  sendProblem,
} from './gateway.ts';

export type RunpodContext = GatewayContext & {
  readonly workers: WorkerBook;
  readonly finisher: Finisher;
  readonly tellProgress: ProgressTeller;
  /** More or fewer slots are free than before. */
  readonly changed: () => void;
  /** The worker asked to be replaced after this job. */
  readonly replace: (workerId: string) => void;
};

type Call = FastifyRequest<{ Params: CallerParams; Querystring: Record<string, string> }>;
type JobRoute = {
  Params: CallerParams & { job: string };
  Querystring: Record<string, string>;
};
type JobCall = FastifyRequest<JobRoute>;

const BATCH_MAX = 1_000;
/** What is kept of the reason of an unhealthy worker. */
const REASON_MAX_CHARS = 1_000;
/** A ping that comes longer after a stop, in ms, was made after it. */
const PING_LATE_MS = 5_000;
/** A stop is told again while the worker lists the job, but not more often than this, in ms. */
const STOP_REPEAT_MS = 2_000;

/** RunPod's worker protocol, measured with the Python package runpod 1.12.0. */
export const addRunpodRoutes = (app: FastifyInstance, context: RunpodContext): void => {
  const refuseLate = createPausedRefusals();
  /** A poll is never refused at once, and never sees a 5xx: both make the worker ask in a loop. */
  const poll =
    (hold: (worker: Presence, call: Call, reply: FastifyReply) => Promise<FastifyReply>) =>
    async (call: Call, reply: FastifyReply): Promise<FastifyReply> => {
      reply.header('connection', 'close');
      try {
        const caller = await readCaller(context, call);
        return await hold(context.workers.see(caller.endpointId, caller.workerId), call, reply);
      } catch (error) {
        return refuseLate(reply, problemOf(context, error));
      }
    };
  app.get(
    '/v2/:endpoint/job-take/:worker',
    poll((worker, _call, reply) =>
      holdTake(context, worker, 1, reply, (jobs) =>
        jobs[0] ? describeJob(jobs[0]) : Buffer.from('[]'),
      ),
    ),
  );
  app.get(
    '/v2/:endpoint/job-take-batch/:worker',
    poll((worker, call, reply) => holdTake(context, worker, batchSize(call), reply, describeJobs)),
  );
  app.get(
    '/v2/:endpoint/job-stop/:worker',
    poll((worker, _call, reply) => holdStop(worker, reply)),
  );
  app.get('/v2/:endpoint/ping/:worker', async (call: Call, reply) => {
    reply.header('connection', 'close');
    const caller = await readCaller(context, call);
    notePing(context.workers.see(caller.endpointId, caller.workerId), call.query);
    context.changed();
    return reply.send({});
  });
  app.post<JobRoute>(
    '/v2/:endpoint/job-done/:worker/:job',
    {
      ...forCallers(context),
      errorHandler: (error, call, reply) => {
        if (error.code !== 'FST_ERR_CTP_BODY_TOO_LARGE') throw error;
        return takeResult(context, call, reply.code(200), error);
      },
    },
    (call, reply) => takeResult(context, call, reply),
  );
  app.post<JobRoute>('/v2/:endpoint/job-stream/:worker/:job', forCallers(context), (call, reply) =>
    takeChunk(context, call, reply),
  );
};

const problemOf = ({ log }: RunpodContext, error: unknown): Problem => {
  if (error instanceof Refusal) return error.problem;
  if (error instanceof StoreUnavailable) {
    return { code: 'rate.limited', detail: 'The database is away.', retryAfterSeconds: 5 };
  }
  log.error({ err: error }, 'a poll failed');
  return { code: 'rate.limited', detail: 'The gateway made a mistake.', retryAfterSeconds: 5 };
};

const batchSize = (call: Call): number => {
  const asked = Number(call.query.batch_size ?? 1);
  return Number.isInteger(asked) && asked > 0 ? Math.min(asked, BATCH_MAX) : 1;
};

const describeJobs = (jobs: readonly HandedJob[]): Buffer => {
  const parts = jobs.flatMap((job, index) => [
    Buffer.from(index === 0 ? '[' : ','),
    describeJob(job),
  ]);
  return Buffer.concat([...parts, Buffer.from(']')]);
};

/** Holds a take until a job comes, the time is over, or the worker asks again or hangs up. */
const holdTake = (
  { workers: _workers, changed }: RunpodContext,
  worker: Presence,
  free: number,
  reply: FastifyReply,
  print: (jobs: readonly HandedJob[]) => Buffer,
): Promise<FastifyReply> =>
  new Promise((resolve) => {
    worker.poll?.answer([]);
    const answer = (jobs: readonly HandedJob[]): boolean => {
      clearTimeout(timer);
      if (worker.poll === held) worker.poll = undefined;
      const gone = reply.raw.destroyed || reply.raw.socket?.destroyed === true;
      if (gone || jobs.length === 0) {
        resolve(reply.code(204).send());
        return false;
      }
      resolve(reply.type('application/json').send(print(jobs)));
      return true;
    };
    const held = { free, answer };
    const letGo = (): void => {
      answer([]);
      changed();
    };
    const timer = setTimeout(letGo, POLL_HOLD_MS);
    reply.raw.once('close', () => {
      if (worker.poll === held) letGo();
    });
    worker.slots = Math.max(worker.slots, free);
    if (getsNoMore(worker)) {
      letGo();
      return;
    }
    worker.poll = held;
    changed();
  });

/** Holds a stop poll until there is something to stop. */
const holdStop = (worker: Presence, reply: FastifyReply): Promise<FastifyReply> =>
  new Promise((resolve) => {
    worker.wakeStopPoll?.();
    let repeat: NodeJS.Timeout | undefined;
    const finish = (jobs: readonly string[]): void => {
      clearTimeout(timer);
      clearTimeout(repeat);
      if (worker.wakeStopPoll === look) worker.wakeStopPoll = undefined;
      resolve(jobs.length === 0 ? reply.code(204).send() : reply.send({ jobsToStop: [...jobs] }));
    };
    const look = (): void => {
      const nowMs = performance.now();
      const due = [...worker.stops].filter(([, stop]) => nowMs - stop.toldAtMs >= STOP_REPEAT_MS);
      for (const [, stop] of due) stop.toldAtMs = nowMs;
      if (due.length > 0 || getsNoMore(worker) || replaced()) {
        finish(due.map(([jobId]) => jobId));
      } else if (worker.stops.size > 0) {
        clearTimeout(repeat);
        repeat = setTimeout(look, STOP_REPEAT_MS);
      }
    };
    const replaced = (): boolean => worker.wakeStopPoll !== look;
    const timer = setTimeout(() => finish([]), POLL_HOLD_MS);
    reply.raw.once('close', () => finish([]));
    worker.wakeStopPoll = look;
    look();
  });

const notePing = (worker: Presence, query: Record<string, string>): void => {
  if (query.status === 'unhealthy') {
    worker.state = 'unhealthy';
    const reason = `${query.check ?? 'check'}: ${query.reason ?? 'unhealthy'}`;
    worker.reason = cleanLine(reason, REASON_MAX_CHARS);
    worker.storedAtMs = Number.NEGATIVE_INFINITY;
    return;
  }
  const listed = (query.job_id ?? '').split(',').flatMap((id) => parseJobId(id) ?? []);
  worker.inventory = [...new Set([...listed, ...worker.posting.keys()])];
  const nowMs = performance.now();
  for (const [jobId, { atMs, toldAtMs }] of worker.stops) {
    // Not at once where it was not told: a ping says what was held when it was made.
    const isHeard = toldAtMs > 0 || nowMs - atMs > PING_LATE_MS;
    if (isHeard && !listed.includes(jobId)) worker.stops.delete(jobId);
  }
};

const readPosted = async ({ body, raw }: JobCall, tooLarge?: Error): Promise<PostedResult> => {
  if (tooLarge === undefined) {
    return Buffer.isBuffer(body)
      ? readResult(body)
      : unreadable('The worker posted an empty result.');
  }
  if ((await skipPost(raw)) === 'progress') throw tooLarge;
  return unreadable(`The worker posted a result of more than ${BODY_MAX_BYTES} bytes.`);
};

/** @param tooLarge is why the body was not read: refused, the worker would drop the result. */
const takeResult = async (
  context: RunpodContext,
  call: JobCall,
  reply: FastifyReply,
  tooLarge?: Error,
): Promise<FastifyReply> => {
  reply.header('connection', 'close');
  const { endpointId, workerId } = await readCaller(context, call);
  const worker = context.workers.hear(endpointId, workerId);
  const jobId = parseJobId(call.params.job);
  if (jobId === undefined) return reply.send({ accepted: false });
  const posted = await readPosted(call, tooLarge);
  if (posted.kind === 'progress') {
    const { output } = posted;
    context.tellProgress({ endpointId, workerId, jobId, claimNo: null, output });
    return reply.send({});
  }
  const { status, output, error, stopPod } = posted;
  const hooked = worker.holds.get(jobId)?.hooked ?? true;
  worker.posting.set(jobId, { hooked });
  try {
    const finish = { jobId, workerId, claimNo: null, status, output, error };
    const accepted = await context.finisher.finish(endpointId, finish, hooked);
    worker.holds.delete(jobId);
    if (stopPod && accepted) context.replace(workerId);
    return reply.send(accepted ? {} : { accepted: false });
  } finally {
    worker.posting.delete(jobId);
  }
};

const takeChunk = async (
  context: RunpodContext,
  call: JobCall,
  reply: FastifyReply,
): Promise<FastifyReply> => {
  reply.header('connection', 'close');
  const { endpointId, workerId } = await readCaller(context, call);
  context.workers.hear(endpointId, workerId);
  const jobId = parseJobId(call.params.job);
  const output = Buffer.isBuffer(call.body) ? readChunk(call.body) : Buffer.from('null');
  if (!Buffer.isBuffer(output)) return sendProblem(reply, output);
  if (output.length > CHUNK_MAX_BYTES) {
    const detail = `A chunk must be <= ${CHUNK_MAX_BYTES} bytes; got ${output.length}.`;
    throw refuse('request.too_large', detail);
  }
  if (jobId === undefined) return reply.send({ accepted: false });
  const post = { postId: randomUUID(), heldMs: 0 };
  const chunk = { jobId, workerId, claimNo: null, seq: null, ...post, output };
  const accepted = await context.finisher.append(endpointId, chunk);
  return reply.send(accepted ? {} : { accepted: false });
};
