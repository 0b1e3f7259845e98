/**
 * Every error that a client, worker or producer can meet: its stable dotted code, the HTTP status,
 * and whether the same request may succeed later. `docs/errors.md` is made from this table.
 */
export const ERRORS = {
  'request.invalid': {
    status: 400,
    retry: false,
    title: 'The request is not valid',
  },
  'request.body_invalid': {
    status: 400,
    retry: false,
    title: 'The body is not valid',
  },
  'request.too_deep': {
    status: 400,
    retry: false,
    title: 'The body nests too deeply',
  },
  'request.webhook_refused': {
    status: 400,
    retry: false,
    title: 'The webhook target is refused',
  },
  'request.timeout': {
    status: 408,
    retry: true,
    title: 'The request took too long to arrive',
  },
  'auth.missing': { status: 401, retry: false, title: 'No API key was sent' },
  'auth.invalid': {
    status: 401,
    retry: false,
    title: 'The API key is not valid',
  },
  'auth.scope': {
    status: 403,
    retry: false,
    title: 'The API key lacks the scope',
  },
  'route.not_found': {
    status: 404,
    retry: false,
    title: 'There is no such route',
  },
  'route.method': {
    status: 405,
    retry: false,
    title: 'The route has no such method',
  },
  'endpoint.not_found': {
    status: 404,
    retry: false,
    title: 'There is no such endpoint',
  },
  'endpoint.exists': {
    status: 409,
    retry: false,
    title: 'The endpoint exists already',
  },
  'endpoint.busy': {
    status: 409,
    retry: true,
    title: 'The endpoint still has jobs',
  },
  'key.not_found': { status: 404, retry: false, title: 'There is no such key' },
  'job.not_found': { status: 404, retry: false, title: 'There is no such job' },
  'job.wrong_state': {
    status: 409,
    retry: false,
    title: 'The job is in another state',
  },
  'job.expired': {
    status: 410,
    retry: false,
    title: 'The job is past its retention',
  },
  'request.too_large': {
    status: 413,
    retry: false,
    title: 'The body is too large',
  },
  'request.headers_too_large': {
    status: 431,
    retry: false,
    title: 'The headers are too large',
  },
  'request.media_type': {
    status: 415,
    retry: false,
    title: 'The body is not JSON',
  },
  'idempotency.mismatch': {
    status: 422,
    retry: false,
    title: 'The Idempotency-Key was used with another body',
  },
  'endpoint.queue_full': {
    status: 429,
    retry: true,
    title: 'The queue of the endpoint is full',
  },
  'rate.limited': { status: 429, retry: true, title: 'Too many requests' },
  'store.unavailable': {
    status: 503,
    retry: true,
    title: 'The database is away',
  },
  'service.overloaded': {
    status: 503,
    retry: true,
    title: 'The service is overloaded',
  },
  'service.stopping': {
    status: 503,
    retry: true,
    title: 'The service is stopping',
  },
  outcome_unknown: {
    status: 503,
    retry: true,
    title: 'It is not known whether this was done',
  },
  'server.defect': {
    status: 500,
    retry: false,
    title: 'The server made a mistake',
  },
} as const satisfies Record<string, { status: number; retry: boolean; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** A refusal on its way to a client: `detail` is a sentence that names the field and its bound. */
export type Problem = {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryAfterSeconds?: number;
  readonly id?: string;
};

/** The body of an RFC 9457 problem+json answer, with RunPod's `error` beside it. */
export const problemBody = (problem: Problem): Record<string, string | number> => ({
  type: `https://switchyard.dev/errors/${problem.code}`,
  title: ERRORS[problem.code].title,
  status: ERRORS[problem.code].status,
  detail: problem.detail,
  code: problem.code,
  error: problem.detail,
  ...(problem.id === undefined ? {} : { id: problem.id }),
});

/** A refusal thrown out of a deep place; doors turn it into the answer. It has no stack. */
export class Refusal extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    // It is no defect, so that nobody asks where it came from; and to note that would cost more
    // than all else that a refused request does here.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(problem.detail);
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'Refusal';
    this.problem = problem;
  }
}

/** Refuses with `code`; `detail` is a whole sentence. */
export const refuse = (code: ErrorCode, detail: string, extra: Partial<Problem> = {}): Refusal =>
  new Refusal({ ...extra, code, detail });
