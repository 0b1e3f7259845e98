import http from 'node:http';
import https from 'node:https';
import { type TargetGuard, TargetRefusedError } from '@switchyard/runtime';
import type { DeliveryTry } from '@switchyard/store';

/** From the look-up of the name to the end of the answer. RunPod's documentation: 10 s. */
const DEADLINE_MS = 10_000;
const EXCERPT_MAX_BYTES = 1_024;
/** What of an answer is read before the connection is closed, in bytes. */
const ANSWER_MAX_BYTES = 65_536;
const REASON_MAX_CHARACTERS = 500;

export type Webhook = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

export type PostOutcome = 'delivered' | 'failed' | 'refused';
export type Posted = Omit<DeliveryTry, 'deliveryId' | 'n'> & { readonly outcome: PostOutcome };

/**
 * Posts one webhook once. 2xx delivers it, as soon as the head of the answer is there; redirects
 * are not followed. Never throws: whatever happens is an outcome.
 * @returns undefined when `signal` ended it, so that nobody knows what became of it.
 */
export type PostWebhook = (webhook: Webhook, signal: AbortSignal) => Promise<Posted | undefined>;

/** What came of a connection: the head of an answer, or the reason why there is none. */
type Ending =
  | { readonly kind: 'answered'; readonly status: number; readonly excerpt: Buffer }
  | { readonly kind: 'failed' | 'refused'; readonly reason: string };

/**
 * Posts to where `guard` lets it: the URL, each address of its name, and the socket are judged.
 * Every post has a connection of its own, since sockets from a pool were judged for another URL,
 * and its agents know neither proxies nor a switch that leaves certificates unchecked.
 */
export const createPoster = (guard: TargetGuard): PostWebhook => {
  const plain = new http.Agent({ keepAlive: false });
  const secure = new https.Agent({
    keepAlive: false,
    maxCachedSessions: 0,
    rejectUnauthorized: true,
  });
  const open = (url: URL, headers: Webhook['headers']): http.ClientRequest => {
    const options = { method: 'POST', headers, lookup: guard.lookup };
    return url.protocol === 'https:'
      ? https.request(url, { ...options, agent: secure })
      : http.request(url, { ...options, agent: plain });
  };

  return async (webhook, signal) => {
    const startedAtMs = performance.now();
    const checked = guard.checkUrl(webhook.url);
    const ending: Ending | undefined = checked.ok
      ? await exchange(() => open(checked.url, webhook.headers), guard, webhook.body, signal)
      : { kind: 'refused', reason: `The URL ${checked.reason}.` };
    return ending && postedOf(ending, performance.now() - startedAtMs);
  };
};

/** Sends `body` once the socket was judged, and reads what is needed of the answer. */
const exchange = (
  open: () => http.ClientRequest,
  guard: TargetGuard,
  body: Buffer,
  signal: AbortSignal,
): Promise<Ending | undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    let status: number | undefined;
    const excerpt: Buffer[] = [];
    const request = open();

    const settle = (ending: Ending | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abandon);
      resolve(ending);
      request.destroy();
    };
    /** An answer whose head came stands, however its body ended. */
    const end = (reason: string, kind: 'failed' | 'refused' = 'failed'): void =>
      settle(
        status === undefined
          ? { kind, reason }
          : { kind: 'answered', status, excerpt: Buffer.concat(excerpt) },
      );
    const abandon = (): void => settle(undefined);
    const timer = setTimeout(() => end(`No answer within ${DEADLINE_MS / 1_000} s.`), DEADLINE_MS);

    signal.addEventListener('abort', abandon);
    request.on('socket', (socket) =>
      socket.once('connect', () => {
        const verdict = guard.checkSocket(socket);
        // Until here nothing was written, not even the head of the request.
        if (verdict.ok) request.end(body);
        else end(`The target ${verdict.reason}.`, 'refused');
      }),
    );
    request.on('response', (response) => {
      status = response.statusCode;
      readExcerpt(response, excerpt, () => end('The answer ended.'));
    });
    request.on('error', (error) =>
      end(reasonOf(error), error instanceof TargetRefusedError ? 'refused' : 'failed'),
    );
    request.on('close', () => end('The connection was closed without an answer.'));
  });

/** Keeps the first bytes of an answer as they came, never unpacked; repeats of `ended` may come. */
const readExcerpt = (
  response: http.IncomingMessage,
  excerpt: Buffer[],
  ended: () => void,
): void => {
  let readBytes = 0;
  response.on('data', (chunk: Buffer) => {
    const room = EXCERPT_MAX_BYTES - readBytes;
    // Copied, since a slice would hold on to the whole chunk.
    if (room > 0) excerpt.push(Buffer.from(chunk.subarray(0, room)));
    readBytes += chunk.length;
    if (readBytes >= ANSWER_MAX_BYTES) ended();
  });
  response.on('end', ended);
  response.on('error', ended);
};

/** Failed tries of both address families come as one error without a text of its own. */
const reasonOf = (error: Error): string => {
  const parts = error instanceof AggregateError ? error.errors.map(String) : [];
  const text = error.message === '' ? parts.join('; ') : error.message;
  return (text === '' ? error.name : text).slice(0, REASON_MAX_CHARACTERS);
};

const postedOf = (ending: Ending, durationMs: number): Posted => {
  if (ending.kind !== 'answered') {
    const error = ending.reason.slice(0, REASON_MAX_CHARACTERS);
    const nothing = { responseStatus: null, responseExcerpt: null };
    return { outcome: ending.kind, delivered: false, durationMs, ...nothing, error };
  }
  const { status, excerpt } = ending;
  const delivered = status >= 200 && status <= 299;
  return {
    outcome: delivered ? 'delivered' : 'failed',
    delivered,
    durationMs,
    responseStatus: status,
    responseExcerpt: excerpt,
    error: delivered ? null : refusalOf(status),
  };
};

const refusalOf = (status: number): string =>
  status >= 300 && status <= 399
    ? `The target answered ${status}; redirects are not followed.`
    : `The target answered ${status}.`;
