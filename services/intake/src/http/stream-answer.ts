import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export type StreamContext = {
  readonly isStopping: () => boolean;
  /** Sockets whose answer is under way while their request still comes. */
  readonly conversing: WeakSet<Socket>;
};

/** How long a client whose body nobody reads to its end may take to read its answer, in ms. */
const LINGER_MS = 1_000;

/**
 * Sends `body` as it comes; what is slow to read holds up whoever makes it. A connection whose
 * request is not read to its end is of no further use, and one that stays open would hold up a
 * stop: both are closed. A defect of `body` is told. Never rejects.
 */
export const streamAnswer = async (
  request: IncomingMessage,
  response: ServerResponse,
  body: Readable,
  { isStopping, conversing }: StreamContext,
  tell: (error: unknown) => void,
): Promise<void> => {
  const { socket } = request;
  conversing.add(socket);
  response.flushHeaders();
  try {
    await pipeline(body, response);
  } catch (error) {
    // The answer stops short of its end: the client is gone, or it hears so of our mistake.
    if (!isHangUp(error)) tell(error);
    return;
  } finally {
    conversing.delete(socket);
  }
  if (request.complete && !isStopping()) return;
  if (request.complete) {
    socket.destroySoon();
    return;
  }
  // Closed at once, a client that is still sending might be reset before it reads the answer.
  request.resume();
  socket.end();
  setTimeout(() => socket.destroy(), LINGER_MS);
};

const HANG_UPS: ReadonlySet<unknown> = new Set([
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ECONNRESET',
  'EPIPE',
]);

const isHangUp = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && HANG_UPS.has(error.code);
