import { type ApiError, NatsError } from 'nats';
import { BrokerError, type BrokerErrorCode } from '../broker-error.ts';

/** Numbers of the JetStream API's errors (nats-server, server/errors.json). */
const STREAM_NOT_FOUND = 10_059;
const CONSUMER_NOT_FOUND = 10_014;
const CONFLICTS = new Set([10_058, 10_065, 10_013, 10_148]);

/** Whether the server said that there is no such stream or consumer. */
export const isMissing = (error: unknown): boolean => {
  const code = error instanceof NatsError ? error.api_error?.err_code : undefined;
  return code === STREAM_NOT_FOUND || code === CONSUMER_NOT_FOUND;
};

/** A refusal of ours that `cause` led to. */
export const refusal = (code: BrokerErrorCode, message: string, cause: unknown): BrokerError =>
  new BrokerError(code, message, { cause });

/** Whether the server refused our credentials. */
export const isAuthFailure = (error: unknown): boolean =>
  error instanceof NatsError && error.isAuthError();

/** What the vendor's client or the server threw while `doing`, as an error of the port. */
export const toBrokerError = (error: unknown, doing: string): BrokerError => {
  if (error instanceof BrokerError) return error;
  const options = { cause: error };
  if (!(error instanceof NatsError)) {
    return new BrokerError('broker.unavailable', `NATS failed while ${doing}.`, options);
  }
  if (error.isPermissionError() || error.isAuthError()) {
    return new BrokerError('broker.forbidden', `NATS does not allow ${doing}.`, options);
  }
  if (isMissing(error)) {
    // It was there, or had just been made: whoever asks again makes it anew.
    return new BrokerError('broker.unavailable', `NATS lost what it had while ${doing}.`, options);
  }
  if (error.api_error !== undefined) return toRefusal(error.api_error, doing, options);
  return new BrokerError('broker.unavailable', `NATS failed while ${doing}: ${error.message}.`, {
    cause: error,
  });
};

type ApiAnswer = Pick<ApiError, 'code' | 'description'> & { readonly err_code?: number };

const toRefusal = (answer: ApiAnswer, doing: string, options?: ErrorOptions): BrokerError => {
  const { code, description, err_code: number = 0 } = answer;
  if (code >= 500) {
    const text = `NATS failed while ${doing}: ${description}.`;
    return new BrokerError('broker.unavailable', text, options);
  }
  const kind = CONFLICTS.has(number) ? 'broker.conflict' : 'broker.invalid';
  return new BrokerError(kind, `NATS refuses ${doing}: ${description}.`, options);
};

/** What JetStream says to a publication: it is stored, or was before, unless there is a refusal. */
export const readWord = (
  word: Uint8Array,
  doing: string,
): { readonly refusal: BrokerError | undefined; readonly isRepeat: boolean } => {
  const text = Buffer.from(word.buffer, word.byteOffset, word.byteLength).toString();
  const answer = parseWord(text);
  return { refusal: refusalIn(answer, doing), isRepeat: answer.duplicate === true };
};

const refusalIn = (answer: Word, doing: string): BrokerError | undefined => {
  if (answer.seq !== undefined && answer.error === undefined) return undefined;
  const { code, description, err_code } = answer.error ?? {};
  if (typeof code !== 'number') {
    return new BrokerError('broker.unavailable', `NATS said nothing of use while ${doing}.`);
  }
  const number = typeof err_code === 'number' ? { err_code } : {};
  return toRefusal({ code, description: String(description), ...number }, doing);
};

type Word = {
  readonly seq?: unknown;
  readonly duplicate?: unknown;
  readonly error?: Readonly<Record<string, unknown>>;
};

const parseWord = (text: string): Word => {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === 'object' && read !== null ? read : {};
  } catch {
    return {};
  }
};
