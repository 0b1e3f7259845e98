import { BrokerError, type BrokerErrorCode } from '../broker-error.ts';

/** Reply codes of AMQP 0-9-1 with which a server closes a channel or a connection. */
const ACCESS_REFUSED = 403;
const NOT_FOUND = 404;
const PRECONDITION_FAILED = 406;
const NOT_ALLOWED = 530;
const CODES: Readonly<Record<number, BrokerErrorCode>> = {
  [ACCESS_REFUSED]: 'broker.forbidden',
  [PRECONDITION_FAILED]: 'broker.conflict',
  [NOT_ALLOWED]: 'broker.forbidden',
};

const codeOf = (error: unknown): number | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'number'
    ? error.code
    : undefined;

/** Whether the server said that there is no such exchange or queue. */
export const isMissing = (error: unknown): boolean => codeOf(error) === NOT_FOUND;

/** Whether the server said that the user has not the right. */
export const isRefused = (error: unknown): boolean => codeOf(error) === ACCESS_REFUSED;

/** A refusal of ours that `cause` led to. */
export const refusal = (code: BrokerErrorCode, message: string, cause: unknown): BrokerError =>
  new BrokerError(code, message, { cause });

/** What the server said to the client, out of what the client's library made of it. */
export const reasonOf = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error);
  return (/with message "(.*)"/s.exec(text)?.[1] ?? text).slice(0, 400);
};

/**
 * Whether the server let us not in: its refusals of the opening handshake reach us as text only.
 */
export const isLoginRefused = (error: unknown): boolean =>
  error instanceof Error &&
  /ACCESS[-_]REFUSED|Expected ConnectionOpenOk; got <ConnectionClose/.test(error.message);

/** What the library or the server threw while `doing`, as an error of the port. */
export const toBrokerError = (error: unknown, doing: string): BrokerError => {
  if (error instanceof BrokerError) return error;
  const code = CODES[codeOf(error) ?? 0] ?? 'broker.unavailable';
  const options = { cause: error };
  const reason = reasonOf(error);
  switch (code) {
    case 'broker.forbidden':
      return new BrokerError(code, `RabbitMQ does not allow ${doing}: ${reason}.`, options);
    case 'broker.conflict':
      return new BrokerError(
        code,
        `RabbitMQ refuses ${doing}: ${reason}. What exists under that name is otherwise than ` +
          'needed; delete it once it is empty, or name another virtual host in the URL.',
        options,
      );
    default:
      return new BrokerError(code, `RabbitMQ failed while ${doing}: ${reason}.`, options);
  }
};
