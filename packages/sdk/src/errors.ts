/** The server refused the call, or could not do it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The HTTP status. */
  readonly status: number;
  /** The stable code of the contract; `http.STATUS` where the answer gave none (a proxy's). */
  readonly code: string;
  /** A sentence that names the field, its bound and what came instead. */
  readonly detail: string;
  /** When the server asks to be called again, where it does. */
  readonly retryAfterSeconds: number | undefined;
  /** The job whose fate is not known (`outcome_unknown`). */
  readonly id: string | undefined;

  constructor(problem: {
    readonly status: number;
    readonly code: string;
    readonly detail: string;
    readonly retryAfterSeconds: number | undefined;
    readonly id: string | undefined;
  }) {
    super(problem.detail);
    this.status = problem.status;
    this.code = problem.code;
    this.detail = problem.detail;
    this.retryAfterSeconds = problem.retryAfterSeconds;
    this.id = problem.id;
  }
}

/** No answer came: the server could not be reached, went away, or took too long. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  /** The system's code, such as ECONNREFUSED; TIMEOUT where no answer came in time. */
  readonly code: string;

  constructor(origin: string, code: string, cause: unknown) {
    super(`${origin} cannot be reached (${code}).`, { cause });
    this.code = code;
  }
}

/** An answer came that is not what the contract says: another program, or another version. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}
