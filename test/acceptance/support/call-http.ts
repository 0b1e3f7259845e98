import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

export type Answer = {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body's object; empty when the body is none. */
  readonly json: Readonly<Record<string, unknown>>;
};

export type Sent = {
  /** Sent as `Bearer KEY`; null for none. */
  readonly key?: string | null;
  /** Bytes and text are sent as they are, an object as JSON. */
  readonly body?: Buffer | string | object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sends the body in pieces without Content-Length. */
  readonly chunked?: boolean;
};

/** `call('POST /v2/e/run', { body })`; the path is sent as it is written, never made plain. */
export type Call = (line: string, sent?: Sent) => Promise<Answer>;

const TIMEOUT_MS = 60_000;
const PIECE_BYTES = 65_536;

/**
 * Calls to the server at `base` with `key` unless the call names another. Without an `agent` each
 * has a connection of its own, so that no call meets one that the server has just closed.
 */
export const callsTo =
  (base: string, key: string, agent: http.Agent | false = false): Call =>
  (line, sent = {}) =>
    send(new URL(base), line, { key, ...sent }, agent);

const bytesOf = (body: Sent['body']): Buffer => {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
};

const send = async (
  base: URL,
  line: string,
  sent: Sent,
  agent: http.Agent | false,
): Promise<Answer> => {
  const space = line.indexOf(' ');
  const body = sent.body === undefined ? undefined : bytesOf(sent.body);
  const length = body === undefined || sent.chunked ? {} : { 'content-length': body.length };
  const request = http.request({
    host: base.hostname,
    port: base.port,
    method: line.slice(0, space),
    path: line.slice(space + 1),
    agent,
    timeout: TIMEOUT_MS,
    headers: {
      ...(sent.key === null ? {} : { authorization: `Bearer ${sent.key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...length,
      ...sent.headers,
    },
  });
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  request.once('response', resolve);
  request.once('timeout', () => request.destroy(new Error(`${line}: ${TIMEOUT_MS} ms passed`)));
  // A server that refuses a large body may close while it is still being sent.
  request.on('error', (error) => reject(new Error(`${line}: ${error.message}`, { cause: error })));
  if (body !== undefined && sent.chunked) void sendPieces(request, body);
  else request.end(body);
  return readAnswer(await promise);
};

const sendPieces = async (request: http.ClientRequest, body: Buffer): Promise<void> => {
  for (let at = 0; at < body.length && !request.destroyed; at += PIECE_BYTES) {
    if (!request.write(body.subarray(at, at + PIECE_BYTES))) await pause(1);
  }
  request.end();
};

const readAnswer = async (response: http.IncomingMessage): Promise<Answer> => {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  const text = bytes.toString('utf8');
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    bytes,
    text,
    json: objectIn(text),
  };
};

const objectIn = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
};

/** The text under `name` of an answer that must be a success. @throws Error with the answer. */
export const textIn = (answer: Answer, name: string): string => {
  const value = answer.json[name];
  if (answer.status >= 300 || typeof value !== 'string') {
    throw new Error(`${answer.status} ${answer.text.slice(0, 500)}`);
  }
  return value;
};
