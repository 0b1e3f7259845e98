import { ERRORS, type Problem, problemBody, Refusal } from '@switchyard/contracts';
import type { Log, Metrics } from '@switchyard/runtime';
import { StoreUnavailable } from '@switchyard/store';
import type { Answer } from './route.ts';

/** Fastify's own refusals that a client can cause, in our words. */
const BY_FASTIFY: Readonly<Record<string, Problem>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'request.too_large',
    detail: 'The body is larger than this route takes.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'request.media_type',
    detail: 'The Content-Type must be application/json.',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'request.invalid',
    detail: 'The body has not the length that Content-Length says.',
  },
  FST_ERR_BAD_URL: { code: 'request.invalid', detail: 'The path is not a valid one.' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'route.not_found', detail: 'There is no such route.' },
};

const STORE_AWAY: Problem = {
  code: 'store.unavailable',
  detail: 'The database is away; try again in a moment.',
  retryAfterSeconds: 1,
};
const DEFECT: Problem = {
  code: 'server.defect',
  detail: 'The server made a mistake; it is in its log under the x-request-id of this answer.',
};

export type ProblemTeller = (error: unknown, requestId: string) => Problem;

/** Makes of whatever was thrown what the client is told; defects are logged with their cause. */
export const createProblemTeller = (context: { log: Log; metrics: Metrics }): ProblemTeller => {
  const defects = context.metrics.counter(
    'switchyard_http_defects_total',
    'Requests that met a mistake of the server.',
  );
  return (error, requestId) => {
    if (error instanceof Refusal) return error.problem;
    if (error instanceof StoreUnavailable) return STORE_AWAY;
    const known = BY_FASTIFY[codeOf(error)];
    if (known !== undefined) return known;
    // A body that ended before its length: the client went, and will not read the answer.
    if (isHangUp(error)) return { code: 'request.invalid', detail: 'The request ended too soon.' };
    defects.add(1);
    context.log.error({ err: error, requestId }, 'A request met a defect');
    return DEFECT;
  };
};

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : '';

const isHangUp = (error: unknown): boolean =>
  codeOf(error) === 'ECONNRESET' && error instanceof Error && error.message === 'aborted';

/** The problem+json answer. */
export const answerProblem = (problem: Problem): Answer => ({
  status: ERRORS[problem.code].status,
  contentType: 'application/problem+json',
  headers: {
    ...(problem.retryAfterSeconds === undefined
      ? {}
      : { 'retry-after': String(problem.retryAfterSeconds) }),
    ...(ERRORS[problem.code].status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  },
  body: JSON.stringify(problemBody(problem)),
});
