import type { Socket } from 'node:net';
import { ERRORS, type Problem, problemBody } from '@switchyard/contracts';
import type { RequestIds } from './request-ids.ts';

const BY_NODE: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: { code: 'request.headers_too_large', detail: 'The headers are too large.' },
  ERR_HTTP_REQUEST_TIMEOUT: {
    code: 'request.timeout',
    detail: 'The request did not arrive in time.',
  },
};
const MALFORMED: Problem = { code: 'request.invalid', detail: 'This is not a valid HTTP request.' };

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/**
 * Answers what never became a request, and closes: what follows on the socket means nothing. A
 * request on one of the `conversing` sockets has its answer under way: it may take as long as it
 * goes on, and nothing else may be written between.
 */
export const answerClientError =
  (requestIds: RequestIds, conversing: Pick<WeakSet<Socket>, 'has'>) =>
  (error: Error & { code?: string }, socket: Socket): void => {
    const isConversing = conversing.has(socket);
    if (isConversing && error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return;
    if (isConversing || error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
      socket.destroy();
      return;
    }
    const problem = BY_NODE[error.code ?? ''] ?? MALFORMED;
    const { status } = ERRORS[problem.code];
    const body = JSON.stringify(problemBody(problem));
    socket.end(
      [
        `HTTP/1.1 ${status} ${REASONS[status] ?? ''}`,
        'content-type: application/problem+json',
        `content-length: ${Buffer.byteLength(body)}`,
        `x-request-id: ${requestIds.next()}`,
        'connection: close',
        '',
        body,
      ].join('\r\n'),
    );
  };
