import type { EventEmitter } from 'node:events';
import { refuse } from '@switchyard/contracts';
import type { RouteShorthandOptions } from 'fastify';

/** What the bodies of all requests under way may hold in memory together. */
const BODIES_MAX_BYTES = 256 * 1_048_576;

/** A body that is announced to be no larger costs about what its connection does: not counted. */
const SMALL_MAX_BYTES = 16_384;

/** The room of one body, from its first byte until its answer is sent or the client has gone. */
export type BodyRoom = {
  /** Makes room for a piece that came. @returns false where there is none. */
  readonly add: (bytes: number) => boolean;
  /** Gives the room back, when nothing holds the body any more. Idempotent. */
  readonly leave: () => void;
};

export type BodyBound = {
  /** `response` is that of the request whose body is about to be read. */
  readonly open: (response: Pick<EventEmitter, 'once'>) => BodyRoom;
};

/**
 * Bounds what bodies hold by the bytes that came, not by those announced, so that nobody takes room
 * from others but by sending.
 */
export const boundBodies = (maxBytes = BODIES_MAX_BYTES): BodyBound => {
  let heldBytes = 0;
  return {
    open: (response) => {
      let ownBytes = 0;
      let isLeft = false;
      const leave = (): void => {
        heldBytes -= ownBytes;
        ownBytes = 0;
        isLeft = true;
      };
      response.once('close', leave);
      return {
        add: (bytes) => {
          if (isLeft) return true;
          if (heldBytes + bytes > maxBytes) return false;
          heldBytes += bytes;
          ownBytes += bytes;
          return true;
        },
        leave,
      };
    },
  };
};

/** What a request hears for whose body there is no room. */
const bodiesFull = () =>
  refuse('service.overloaded', 'Too many large bodies are under way; try again in a moment.', {
    retryAfterSeconds: 1,
  });

/** The hook of a route that counts a body as it comes in, beside whoever reads it. */
export const holdBodies = (bodies: BodyBound): Pick<RouteShorthandOptions, 'preParsing'> => ({
  preParsing: (request, reply, payload, done) => {
    if (Number(request.headers['content-length']) <= SMALL_MAX_BYTES) {
      done(null, payload);
      return;
    }
    const room = bodies.open(reply.raw);
    request.bodyRoom = room;
    payload.on('data', (piece: Buffer) => {
      if (room.add(piece.length) || reply.sent) return;
      // The rest of it is not wanted; the reader hears an error as if the client had gone.
      reply.header('connection', 'close');
      payload.emit('error', bodiesFull());
    });
    done(null, payload);
  },
});
