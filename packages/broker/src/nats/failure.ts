import { NatsError } from 'nats';
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

/** Whether nobody listened: the stream is gone, or JetStream is off or not ready. */
export const isUnanswered = (error: unknown): boolean =>
  error instanceof NatsError && error.code === '503' && error.api_error === undefined;

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
  const answer = error.api_error;
  if (answer === undefined || answer.code >= 500) {
    const why = answer?.description ?? error.message;
    return new BrokerError('broker.unavailable', `NATS failed while ${doing}: ${why}.`, options);
  }
  const code = CONFLICTS.has(answer.err_code ?? 0) ? 'broker.conflict' : 'broker.invalid';
  return new BrokerError(code, `NATS refuses ${doing}: ${answer.description}.`, options);
};
