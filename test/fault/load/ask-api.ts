import http from 'node:http';
import type { Outcome } from '../history.ts';

export type Asked = {
  readonly line: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
};

/** What came of a request, in the words of the history. */
export type Reply = {
  readonly atMs: number;
  readonly endedAtMs: number;
  readonly outcome: Outcome;
  readonly statusCode?: number;
  readonly code?: string;
  readonly hasRetryAfter?: boolean;
  readonly json: Readonly<Record<string, unknown>>;
  readonly text: string;
};

export type AskApi = Disposable & { readonly ask: (asked: Asked) => Promise<Reply> };

const TIMEOUT_MS = 20_000;
const SOCKETS_MAX = 256;

/** A client of the API at `base` on kept connections. Its promises never reject. */
export const openApi = (base: string, key: string): AskApi => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  const ask = ({ line, body, headers, timeoutMs = TIMEOUT_MS }: Asked): Promise<Reply> =>
    new Promise((resolve) => {
      const atMs = Date.now();
      const [method = '', path = ''] = line.split(' ');
      const request = http.request(new URL(path, base), {
        ...{ agent, method, timeout: timeoutMs },
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...headers,
        },
      });
      const fail = (error: NodeJS.ErrnoException): void => {
        // Only a connection that never stood tells that the request did not arrive.
        const outcome = error.code === 'ECONNREFUSED' ? 'fail' : 'unknown';
        resolve({ atMs, endedAtMs: Date.now(), outcome, json: {}, text: '' });
      };
      request.on('error', fail);
      request.on('timeout', () => request.destroy(new Error('timeout')));
      request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('error', fail);
        response.on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => {
          const statusCode = response.statusCode ?? 0;
          const hasRetryAfter = response.headers['retry-after'] !== undefined;
          const read = replyOf(statusCode, hasRetryAfter, text);
          resolve({ atMs, endedAtMs: Date.now(), ...read });
        });
      });
      request.end(body);
    });
  return { ask, [Symbol.dispose]: () => agent.destroy() };
};

const replyOf = (
  statusCode: number,
  hasRetryAfter: boolean,
  text: string,
): Omit<Reply, 'atMs' | 'endedAtMs'> => {
  const json = objectIn(text);
  const code = typeof json.code === 'string' ? { code: json.code } : {};
  const isUnknown = statusCode >= 500 && (statusCode !== 503 || json.code === OUTCOME_UNKNOWN);
  const outcome = statusCode < 300 ? 'ok' : isUnknown ? 'unknown' : 'fail';
  return { statusCode, hasRetryAfter, ...code, outcome, json, text };
};

const OUTCOME_UNKNOWN = 'outcome_unknown';

const objectIn = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
};
