import { once } from 'node:events';
import { Agent, IncomingMessage, request as openRequest } from 'node:http';
import { gunzipSync, inflateSync } from 'node:zlib';

export type Answer = { status: number; contentType: string; body: Buffer };

export type Asking = {
  method: 'GET' | 'POST';
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: Buffer;
  timeoutMs: number;
};

/** The caller's own patience ended, not the connection. */
export class CutShort extends Error {}

/** Connections are kept and reused unless the answer says `Connection: close`. */
export const openAgent = (keepAlive: boolean): Agent =>
  new Agent({ keepAlive, maxSockets: Number.POSITIVE_INFINITY });

const plain = (encoding: string | undefined, body: Buffer): Buffer => {
  if (encoding === 'gzip') return gunzipSync(body);
  if (encoding === 'deflate') return inflateSync(body);
  return body;
};

/**
 * One request and its whole answer, whatever its status.
 * @throws CutShort after `timeoutMs`; the socket's error when it was refused or reset.
 */
export const exchange = async (agent: Agent, asking: Asking): Promise<Answer> => {
  const { method, url, headers, body, timeoutMs } = asking;
  const length = body === undefined ? {} : { 'Content-Length': String(body.length) };
  const outgoing = openRequest(url, { method, agent, headers: { ...headers, ...length } });
  // An error that comes while the body is read is thrown there; here it must only not be unheard.
  outgoing.on('error', () => undefined);
  const cut = new CutShort(`no whole answer within ${timeoutMs} ms`);
  const timer = setTimeout(() => outgoing.destroy(cut), timeoutMs);
  try {
    const answered = once(outgoing, 'response');
    outgoing.end(body);
    const [response]: unknown[] = await answered;
    if (!(response instanceof IncomingMessage)) throw new Error('not an answer');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return {
      status: response.statusCode ?? 0,
      contentType: response.headers['content-type'] ?? '',
      body: plain(response.headers['content-encoding'], Buffer.concat(chunks)),
    };
  } finally {
    clearTimeout(timer);
  }
};
