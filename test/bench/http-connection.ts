import net from 'node:net';

/** Hears each answer: its status, its body, and its head as it came. */
export type HearAnswer = (status: number, body: Buffer, head: string) => void;

/** A kept connection with one request under way at most. */
export type HttpConnection = {
  /** Sends the bytes of a whole request. */
  readonly send: (request: Buffer) => void;
  readonly close: () => void;
};

const HEAD_END = Buffer.from('\r\n\r\n');
const EMPTY = Buffer.alloc(0);
const LENGTH = /content-length: *(\d+)/i;
const STATUS_AT = 9;
const STATUS_END = 12;
const NO_CONTENT = 204;

/**
 * Opens a connection that speaks as much HTTP/1.1 as a load generator needs: answers with a
 * Content-Length. Written for that alone, it costs a fraction of what node:http costs.
 */
export const openHttpConnection = async (
  origin: URL,
  hear: HearAnswer,
  fail: (error: Error) => void,
): Promise<HttpConnection> => {
  const socket = net.connect(Number(origin.port), origin.hostname);
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  let pending: Buffer = EMPTY;
  let closed = false;
  socket.on('error', fail);
  socket.on('close', () => {
    if (!closed) fail(new Error('the server closed the connection'));
  });
  socket.on('data', (data: Buffer) => {
    pending = pending.length === 0 ? data : Buffer.concat([pending, data]);
    const headEnd = pending.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = pending.toString('latin1', 0, headEnd);
    const status = Number(head.slice(STATUS_AT, STATUS_END));
    const length = LENGTH.exec(head)?.[1];
    if (length === undefined && status !== NO_CONTENT) {
      fail(new Error(`an answer without Content-Length: ${head}`));
      return;
    }
    const bodyAt = headEnd + HEAD_END.length;
    const end = bodyAt + Number(length ?? 0);
    if (pending.length < end) return;
    const body = pending.subarray(bodyAt, end);
    pending = EMPTY;
    hear(status, body, head);
  });
  return {
    send: (request) => void socket.write(request),
    close: () => {
      closed = true;
      socket.destroy();
    },
  };
};
