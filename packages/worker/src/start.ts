/** The worker: `start({ handler })`. */
import { CHUNK_MAX_BYTES } from '@switchyard/contracts';
import { type Connection, environment, readConfig, type WorkerConfig } from './config.ts';
import { Exchange } from './exchange.ts';
import { openGateway } from './gateway.ts';
import { type Context, type Handler, type Job, type Post, runHandler } from './handler.ts';
import { jsonLog, type Log, logWith } from './log.ts';
import { Outbox } from './outbox.ts';
import { toJson } from './output.ts';
import { endWithParent } from './parent.ts';
import { leaveOnSignal } from './signals.ts';
import { type Claim, type Held, Slots } from './slots.ts';

export type WorkerOptions = Connection & {
  readonly handler: Handler;
  /** The output of a stream is the list of its chunks. Else it is what the generator returns. */
  readonly returnAggregate?: boolean;
  /** Where the worker's own lines go; JSON on stderr when it is not given. */
  readonly log?: Log;
  /** Whether SIGTERM and SIGINT stop the worker: true, unless the host handles them itself. */
  readonly signals?: boolean;
};

export type WorkerHandle = {
  /** Resolves when the worker has left. It never rejects. */
  readonly done: Promise<void>;
  /** Takes no more jobs, finishes and posts those that run, then leaves. */
  readonly stop: () => Promise<void>;
};

/**
 * Starts a worker that takes jobs of its endpoint and runs them through `handler`. What it is not
 * told here it reads from the environment (README.md). It keeps the process alive until it left.
 * @throws Error that names what is missing when it is not told where its gateway is or who it is.
 */
export const start = (options: WorkerOptions): WorkerHandle => {
  const config = readConfig(options, environment());
  const log = options.log ?? jsonLog({ worker: config.workerId });
  const gateway = openGateway(config.exchangeUrl, config.token);
  const outbox = new Outbox();
  const slots = new Slots(
    config.concurrency,
    async (held) => {
      const { job, claimNo } = held.claim;
      const emit = (post: Post) => {
        if (held.aborted) return;
        outbox.add({ ...post, job, claimNo });
        exchange.wake();
      };
      await runClaim({ held, emit, outbox, log, config, options });
    },
    () => exchange.wake(),
  );
  const exchange = new Exchange({ gateway, outbox, slots, log });

  const { signals = true } = options;
  const undo = [
    signals ? leaveOnSignal(() => exchange.leave()) : undefined,
    config.parentPid === undefined ? undefined : endWithParent(config.parentPid, log),
  ];
  const { host } = config.exchangeUrl;
  log.info('The worker takes jobs.', { gateway: host, concurrency: config.concurrency });
  exchange.wake();
  const done = exchange.done.then(() => {
    for (const back of undo) back?.();
    log.info('The worker has left.');
  });
  const stop = () => {
    exchange.leave();
    return done;
  };
  return { done, stop };
};

type ClaimRun = {
  readonly held: Held;
  readonly emit: (post: Post) => void;
  readonly outbox: Outbox;
  readonly log: Log;
  readonly config: WorkerConfig;
  readonly options: WorkerOptions;
};

/** Runs one claim and posts what comes of it; of a stopped one nothing is posted any more. */
const runClaim = async ({ held, emit, outbox, log, config, options }: ClaimRun) => {
  const { claim } = held;
  let ended = false;
  const context: Context = {
    get signal() {
      return held.signal;
    },
    get log() {
      return logWith(log, { job: claim.job });
    },
    progress: (value) => {
      const body = toJson(value, 'progress', CHUNK_MAX_BYTES, claim.input);
      if (!ended) emit({ kind: 'progress', body });
    },
  };
  const last = await runHandler(options.handler, {
    job: jobOf(claim),
    context,
    emit: (post) => {
      emit(post);
      return outbox.room();
    },
    returnAggregate: options.returnAggregate ?? false,
    workerId: config.workerId,
    hostname: config.hostname,
  });
  ended = true;
  emit(last);
};

/** The input is parsed when it is first asked for: many handlers only pass it on. */
const jobOf = ({ job, input, webhook, s3Config }: Claim): Job => {
  let parsed: { readonly value: unknown } | undefined;
  return {
    id: job,
    rawInput: input,
    get input() {
      parsed ??= { value: JSON.parse(input.toString()) };
      return parsed.value;
    },
    ...(webhook === undefined ? {} : { webhook }),
    ...(s3Config === undefined ? {} : { s3Config }),
  };
};
