import { setTimeout as pause } from 'node:timers/promises';
import { fieldOf } from './answers.ts';
import { ApiError, UnreachableError } from './errors.ts';

/** A call that failed and is about to be made again. */
export type Retry = { readonly error: Error; readonly delayMs: number };

export type SendOptions = {
  /** Where the server is, such as `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Instead of Node's own. */
  readonly fetch?: typeof globalThis.fetch;
  /** The pause before each further try, in ms; default 1,000, 2,000 and 4,000. Empty: one try. */
  readonly retryDelaysMs?: readonly number[];
  /** Told before each pause. */
  readonly onRetry?: (retry: Retry) => void;
};

export type Call = {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: Buffer<ArrayBuffer>;
  readonly idempotencyKey?: string;
  /** Whether doing it twice does what doing it once does. */
  readonly repeatable: boolean;
  /** How long the server itself may hold the call, in ms. */
  readonly heldMs?: number;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Makes a call, again after a pause where that is safe and may help, and gives the body of the
 * success. @throws ApiError, UnreachableError, or the reason of the caller's signal.
 */
export type Send = (call: Call) => Promise<Buffer>;

const RETRY_DELAYS_MS = [1_000, 2_000, 4_000];
/** A server that asks for more than this is not waited for that long. */
const RETRY_AFTER_MAX_MS = 60_000;
const ANSWER_WAIT_MS = 60_000;

/** @throws TypeError for a base URL or a key that cannot be used. */
export const createSend = (options: SendOptions): Send => {
  const { protocol } = new URL(options.baseUrl);
  if (!/^https?:$/.test(protocol)) throw new TypeError('baseUrl must be an http or https URL.');
  const delaysMs = options.retryDelaysMs ?? RETRY_DELAYS_MS;
  return async (call) => {
    for (let tries = 0; ; tries += 1) {
      call.signal?.throwIfAborted();
      const outcome = await trySend(options, call);
      if (Buffer.isBuffer(outcome)) return outcome;
      const leastMs = delaysMs[tries];
      if (leastMs === undefined || !mayRepeat(call, outcome)) throw outcome;
      const delayMs = Math.max(leastMs, askedDelayMs(outcome));
      options.onRetry?.({ error: outcome, delayMs });
      await pause(delayMs, undefined, { ...(call.signal && { signal: call.signal }) });
    }
  };
};

/** A 429 was refused before anything was done; a refused connection never carried the call. */
const mayRepeat = (call: Call, error: ApiError | UnreachableError): boolean => {
  if (error instanceof UnreachableError) return call.repeatable || error.code === 'ECONNREFUSED';
  return error.status === 429 || (error.status === 503 && call.repeatable);
};

const askedDelayMs = (error: ApiError | UnreachableError): number =>
  error instanceof ApiError
    ? Math.min((error.retryAfterSeconds ?? 0) * 1_000, RETRY_AFTER_MAX_MS)
    : 0;

const trySend = async (
  { baseUrl, apiKey, fetch = globalThis.fetch }: SendOptions,
  call: Call,
): Promise<Buffer | ApiError | UnreachableError> => {
  const late = AbortSignal.timeout(ANSWER_WAIT_MS + (call.heldMs ?? 0));
  const url = urlOf(baseUrl, call);
  try {
    const response = await fetch(url, {
      method: call.method,
      headers: headersOf(call, apiKey),
      signal: call.signal ? AbortSignal.any([call.signal, late]) : late,
      // A redirect would turn a POST into a GET, and may lead to where the key does not belong.
      redirect: 'manual',
      ...(call.body && { body: call.body }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    return response.ok ? bytes : problemOf(response, bytes);
  } catch (error) {
    call.signal?.throwIfAborted();
    return new UnreachableError(url.origin, late.aborted ? 'TIMEOUT' : codeOf(error), error);
  }
};

/** A call whose body and answer both go on for as long as they will, and which is made once. */
export type StreamCall = Pick<Call, 'path' | 'idempotencyKey' | 'signal'> & {
  readonly body: AsyncIterable<Uint8Array>;
  /** The media type of body and answer. */
  readonly type: string;
};

/** Posts a body as it comes and gives the answer as it comes. @throws as `Send`. */
export type SendStream = (call: StreamCall) => AsyncGenerator<Uint8Array, void>;

/** @throws TypeError as `createSend`. */
export const createSendStream = (options: SendOptions): SendStream => {
  const { baseUrl, apiKey, fetch = globalThis.fetch } = options;
  return async function* sendStream(call) {
    const { path, signal, body, type } = call;
    const url = urlOf(baseUrl, { path });
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          ...headersOf({ ...call, method: 'POST' }, apiKey),
          accept: type,
          'content-type': type,
        },
        redirect: 'manual',
        // What is not read of the body yet must not hold up the answer to what was.
        duplex: 'half',
        body,
        ...(signal && { signal }),
      });
      if (!response.ok) throw problemOf(response, Buffer.from(await response.arrayBuffer()));
      if (response.body !== null) yield* response.body;
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof ApiError
        ? error
        : new UnreachableError(url.origin, codeOf(error), error);
    }
  };
};

const urlOf = (baseUrl: string, { path, query = {} }: Pick<Call, 'path' | 'query'>): URL => {
  if (path.some((part) => part === '' || part === '.' || part === '..')) {
    throw new TypeError('An id must not be empty, nor dots alone.');
  }
  const url = new URL(baseUrl);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${path.map(encodeURIComponent).join('/')}`;
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
};

const headersOf = (
  call: Pick<Call, 'method' | 'idempotencyKey'>,
  apiKey: string,
): Record<string, string> => ({
  authorization: `Bearer ${apiKey}`,
  accept: 'application/json',
  ...(call.method === 'GET' ? {} : { 'content-type': 'application/json' }),
  ...(call.idempotencyKey === undefined ? {} : { 'idempotency-key': call.idempotencyKey }),
});

const problemOf = ({ status, headers }: Response, bytes: Buffer): ApiError => {
  const body = parseOr(bytes);
  const text = (field: string): string | undefined => {
    const value = fieldOf(body, field);
    return typeof value === 'string' ? value : undefined;
  };
  const after = headers.get('retry-after') ?? '';
  return new ApiError({
    status,
    code: text('code') ?? `http.${status}`,
    detail: text('detail') ?? text('error') ?? `The server answered ${status} without a reason.`,
    retryAfterSeconds: /^\d{1,9}$/.test(after) ? Number(after) : undefined,
    id: text('id'),
  });
};

const parseOr = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
};

/** fetch wraps what happened, and a name with several addresses wraps that once more. */
const codeOf = (error: unknown): string => {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code;
    if (at instanceof AggregateError && at.errors[0] instanceof Error) return codeOf(at.errors[0]);
  }
  return error instanceof Error ? error.message : String(error);
};
