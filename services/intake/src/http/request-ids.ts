import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export type RequestIds = {
  /** The client's own id where it sent a plain one, else a new one. */
  readonly of: (request: Pick<IncomingMessage, 'headers'>) => string;
  readonly next: () => string;
};

/** What may be echoed: nothing that could become another header or another log line. */
const PLAIN = /^[\w.-]{1,64}$/;

/** Ids that tell requests apart over starts and processes, at the cost of a count. */
export const createRequestIds = (): RequestIds => {
  const start = randomBytes(6).toString('hex');
  let count = 0;
  const next = (): string => {
    count += 1;
    return `${start}-${count.toString(36)}`;
  };
  return {
    next,
    of: ({ headers }) => {
      const sent = headers['x-request-id'];
      return typeof sent === 'string' && PLAIN.test(sent) ? sent : next();
    },
  };
};
