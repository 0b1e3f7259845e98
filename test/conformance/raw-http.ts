import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gunzipSync, inflateSync } from 'node:zlib';

export type RawAnswer = { status: number; headers: ReadonlyMap<string, string>; body: Buffer };

const HEAD_END = '\r\n\r\n';

const parseHead = (head: string): { status: number; headers: Map<string, string> } => {
  const [first = '', ...lines] = head.split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(first.split(' ')[1]), headers };
};

/** The whole body once it is there; undefined while more is to come. */
const chunkedBody = (bytes: Buffer): Buffer | undefined => {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const from = lineEnd + 2;
    if (bytes.length < from + size + 2) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(from, from + size));
    at = from + size + 2;
  }
};

const plain = (encoding: string | undefined, body: Buffer): Buffer => {
  if (encoding === 'gzip') return gunzipSync(body);
  return encoding === 'deflate' ? inflateSync(body) : body;
};

const parse = (bytes: Buffer): RawAnswer | undefined => {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const { status, headers } = parseHead(bytes.toString('latin1', 0, headEnd));
  const rest = bytes.subarray(headEnd + HEAD_END.length);
  if (headers.get('transfer-encoding') === 'chunked') {
    const body = chunkedBody(rest);
    return body === undefined ? undefined : { status, headers, body };
  }
  const length = Number(headers.get('content-length') ?? 0);
  return rest.length < length ? undefined : { status, headers, body: rest.subarray(0, length) };
};

const read = async (socket: Socket): Promise<RawAnswer> => {
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk]);
    const answer = parse(bytes);
    if (answer === undefined) continue;
    return { ...answer, body: plain(answer.headers.get('content-encoding'), answer.body) };
  }
  throw new Error(`the connection ended within an answer: ${bytes.toString('latin1')}`);
};

/**
 * Sends exactly `request` over a connection of its own and reads one answer.
 * @throws Error when no whole answer came within `timeoutMs`.
 */
export const sendRaw = async (
  origin: URL,
  request: Buffer,
  timeoutMs: number,
): Promise<RawAnswer> => {
  const socket = connect(Number(origin.port), origin.hostname);
  const timer = setTimeout(() => socket.destroy(new Error(`${timeoutMs} ms passed`)), timeoutMs);
  try {
    await once(socket, 'connect');
    socket.write(request);
    return await read(socket);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
};
