import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type Problem, refuse, scanObject, scanValue } from '@switchyard/contracts';

/** What a worker's post to job-done says. Bytes are raw JSON. */
export type PostedResult =
  | { readonly kind: 'progress'; readonly output: Buffer }
  | {
      readonly kind: 'result';
      readonly status: 'COMPLETED' | 'FAILED';
      readonly output: Buffer | undefined;
      readonly error: Buffer | undefined;
      /** The worker asks to be replaced. */
      readonly stopPod: boolean;
    };

const NULL = 'null';

/**
 * Reads `{output?, error?, stopPod?}`, or `{status: "IN_PROGRESS", output}` for progress. A result
 * that cannot be read fails its job with a sentence: a refusal would make RunPod's worker drop it.
 */
export const readResult = (body: Buffer): PostedResult => {
  const found = scanObject(body, ['output', 'error', 'stopPod', 'status']);
  if (!found.ok) return unreadable('The worker posted a result that is not a JSON object.');
  const raw = (key: 'output' | 'error' | 'stopPod' | 'status'): Buffer | undefined => {
    const span = found.spans.get(key);
    return span && body.subarray(span.start, span.end);
  };
  const output = raw('output');
  if (raw('status')?.toString() === '"IN_PROGRESS"') {
    return { kind: 'progress', output: output ?? Buffer.from(NULL) };
  }
  const error = raw('error');
  const failed = error !== undefined && error.toString() !== NULL;
  return {
    kind: 'result',
    status: failed ? 'FAILED' : 'COMPLETED',
    output,
    error: failed ? error : undefined,
    stopPod: raw('stopPod')?.toString() === 'true',
  };
};

const PROGRESS_START = /^\s*\{\s*"status"\s*:\s*"IN_PROGRESS"/;

/**
 * Reads a body to its end without keeping it: whoever sends it hears no answer before.
 * @returns whether it is progress, as RunPod's worker writes it.
 * @throws Refusal `request.invalid` when its sender hangs up meanwhile.
 */
export const skipPost = async (body: Readable): Promise<'progress' | 'result'> => {
  let start = '';
  body.on('data', (chunk: Buffer) => {
    if (start === '') start = chunk.toString('latin1', 0, 100);
  });
  await finished(body).catch(() => {
    throw refuse('request.invalid', 'The body broke off.');
  });
  return PROGRESS_START.test(start) ? 'progress' : 'result';
};

/** The result of a job whose worker posted something that cannot be kept. */
export const unreadable = (sentence: string): PostedResult => ({
  kind: 'result',
  status: 'FAILED',
  output: undefined,
  error: Buffer.from(JSON.stringify(sentence)),
  stopPod: false,
});

/** Reads a chunk `{output}`. */
export const readChunk = (body: Buffer): Buffer | Problem => {
  const found = scanObject(body, ['output']);
  if (!found.ok) {
    return { code: 'request.body_invalid', detail: 'The chunk is not a JSON object.' };
  }
  const span = found.spans.get('output');
  return span === undefined ? Buffer.from(NULL) : body.subarray(span.start, span.end);
};

/** Whether `body` is one JSON value, as the bodies of an exchange must be. */
export const isJson = (body: Buffer): boolean => scanValue(body).ok;
