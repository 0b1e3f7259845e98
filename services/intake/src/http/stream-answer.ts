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
 * stop: both are closed. Never rejects.
 */
export const streamAnswer = async (
  request: IncomingMessage,
  response: ServerResponse,
  body: Readable,
  { isStopping, conversing }: StreamContext,
): Promise<void> => {
  const { socket } = request;
  conversing.add(socket);
  response.flushHeaders();
  try {
    await pipeline(body, response);
  } catch {
    // The client is gone, or what made the answer failed: the answer stops short of its end.
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
