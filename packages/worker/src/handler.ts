/** One job through the handler: what a handler is given, and what may come of it. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CHUNK_MAX_BYTES, type ExchangeKind, RESULT_MAX_BYTES } from '@switchyard/contracts';
import type { Log } from './log.ts';
import { errorBody, errorIn, OutputError, toJson } from './output.ts';

/** What the client asked for. */
export type Job = {
  readonly id: string;
  /** The input, parsed. Numbers beyond a double lose digits here, and only here. */
  readonly input: unknown;
  /** The input as the client sent it. */
  readonly rawInput: Buffer;
  readonly webhook?: string;
  readonly s3Config?: Readonly<Record<string, string>>;
};

export type Context = {
  /** Aborts when the job was cancelled or ran out of time: nothing is posted of it any more. */
  readonly signal: AbortSignal;
  /**
   * Shows `value` as the output of the running job. The latest value counts; one may be skipped.
   * @throws OutputError when JSON cannot say it or it takes more than 1 MiB.
   */
  readonly progress: (value: unknown) => void;
  /** Lines that carry the job's id. */
  readonly log: Log;
};

/**
 * Does one job. It returns the output or a promise of it; or it is a generator, each yield a chunk
 * of the stream. Throwing, returning `{ error }` or yielding `{ error }` fails the job.
 */
export type Handler = (job: Job, context: Context) => unknown;

/** What the worker tells of a job in the course of it; the bodies are JSON. */
export type Post = { readonly kind: ExchangeKind; readonly body: Buffer; readonly seq?: number };

export type Run = {
  readonly job: Job;
  readonly context: Context;
  /** Takes a post; resolves when there is room for the next. */
  readonly emit: (post: Post) => Promise<void>;
  readonly returnAggregate: boolean;
  readonly workerId: string;
  readonly hostname: string;
};

/** Runs `handler` to its end and gives the last post of the job. It never throws. */
export const runHandler = async (handler: Handler, run: Run): Promise<Post> => {
  try {
    const value = await handler(run.job, run.context);
    const iterator = iteratorOf(value);
    return iterator === undefined ? resultOf(value, run) : await stream(iterator, run);
  } catch (thrown) {
    return { kind: 'error', body: errorBody(thrown, run.workerId, run.hostname) };
  }
};

const resultOf = (value: unknown, run: Run): Post => {
  const error = errorIn(value);
  return error === undefined
    ? { kind: 'output', body: toJson(value, 'output', RESULT_MAX_BYTES, run.job.rawInput) }
    : { kind: 'error', body: toJson(error, 'error', RESULT_MAX_BYTES) };
};

type Chunks = Iterator<unknown> | AsyncIterator<unknown>;

/** The iterator of a generator or of anything that iterates asynchronously. An array is a value. */
const iteratorOf = (value: unknown): Chunks | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  if (isAsyncIterable(value)) return value[Symbol.asyncIterator]();
  return isGenerator(value) ? value : undefined;
};

const isAsyncIterable = (value: object): value is AsyncIterable<unknown> =>
  Symbol.asyncIterator in value;

const isGenerator = (value: object): value is Generator<unknown> =>
  Symbol.iterator in value && 'next' in value && typeof value.next === 'function';

const CHUNKS_A_TURN = 64;

/** Emits each yield as a chunk; the output is what is returned, the list of chunks, or empty. */
const stream = async (chunks: Chunks, run: Run): Promise<Post> => {
  const kept: Buffer[] = [];
  let keptBytes = 2;
  for (let seq = 0; ; seq += 1) {
    const step = await chunks.next();
    if (step.done === true) return endOf(step.value, kept, run);
    const error = errorIn(step.value);
    if (error !== undefined || run.context.signal.aborted) {
      await close(chunks);
      return { kind: 'error', body: toJson(error, 'error', RESULT_MAX_BYTES) };
    }
    try {
      const body = toJson(step.value, `chunk ${seq}`, CHUNK_MAX_BYTES, run.job.rawInput);
      if (run.returnAggregate) {
        kept.push(body);
        keptBytes += body.length + 1;
        if (keptBytes > RESULT_MAX_BYTES) throw new OutputError(tooMuch(seq));
      }
      await run.emit({ kind: 'chunk', seq, body });
      // A generator that never waits would keep everything else in the process from running.
      if (seq % CHUNKS_A_TURN === 0) await nextTurn();
    } catch (thrown) {
      await close(chunks);
      throw thrown;
    }
  }
};

const tooMuch = (seq: number): string =>
  `The chunks up to ${seq} exceed the ${RESULT_MAX_BYTES} bytes that an output may have.`;

const endOf = (returned: unknown, kept: readonly Buffer[], run: Run): Post => {
  if (run.returnAggregate) {
    return { kind: 'output', body: Buffer.from(`[${kept.map(String).join(',')}]`) };
  }
  // RunPod's output of a stream is an empty list; a value that the generator returns is better.
  return resultOf(returned ?? [], run);
};

/** Lets the generator run its `finally`; what it throws there changes nothing any more. */
const close = async (chunks: Chunks): Promise<void> => {
  try {
    await chunks.return?.();
  } catch {
    // The job has ended already.
  }
};
