import pg from 'pg';

/** The database is away or refused for a reason that passes: the same statement may work later. */
export class StoreUnavailable extends Error {
  constructor(cause: unknown) {
    super('The database is away or cannot answer now.', { cause });
    this.name = 'StoreUnavailable';
  }
}

/** The schema is not the one that this version works with. */
export class SchemaMismatch extends Error {
  override readonly name = 'SchemaMismatch';
}

/**
 * SQLSTATEs that pass by themselves: lost connections (08), shortages (53), operator's doings (57),
 * serialisation and deadlock (40), a lock not had in time, and a server that is read-only for now.
 */
const PASSING = /^(08|40001|40P01|53|55P03|57|25006)/;
/** What a new session hears of what only an operator can set right: who, where to, with what. */
const REFUSED_SESSION = /^(0A|22|28|3D|42)/;
const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
/** What node-postgres says, without a code, of a connection that ended or was never had. */
const BY_MESSAGE = [
  'Connection terminated',
  'timeout exceeded',
  'Query read timeout',
  'Client has',
  'Cannot use a pool',
  'Client was closed',
];

/** Whether `error` says that the database is away, not that the statement is wrong. */
export const isPassing = (error: unknown): boolean => {
  if (error instanceof StoreUnavailable) return true;
  if (!(error instanceof Error)) return false;
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? '';
    return PASSING.test(code) || (hasEndedSession(error) && !REFUSED_SESSION.test(code));
  }
  const code = 'code' in error ? String(error.code) : '';
  return NETWORK.has(code) || BY_MESSAGE.some((start) => error.message.startsWith(start));
};

/** Whether the server will not have this user, database or password, until somebody mends that. */
export const isSessionRefused = (error: unknown): boolean => {
  if (error instanceof pg.DatabaseError) {
    return hasEndedSession(error) && REFUSED_SESSION.test(error.code ?? '');
  }
  // What node-postgres says, without a code, where a password is wanted and none is there.
  return error instanceof Error && error.message.startsWith('SASL: ');
};

/** The server gave its session up, for whatever reason: not for what it was asked. */
const hasEndedSession = ({ severity }: pg.DatabaseError): boolean =>
  severity === 'FATAL' || severity === 'PANIC';

/**
 * Whether the server refused a statement, or rolled its transaction back, because of others that
 * were at the same rows: a deadlock, a conflict of serialisation, a lock not had in time.
 */
export const isContended = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && /^(40P01|40001|55P03)$/.test(error.code ?? '');

/**
 * Whether the session that gave `error` must not be used again: it ended, or still has a statement
 * on it that timed out, or leads to a server that only reads, as the standby of a fail-over does.
 */
export const isSessionLost = (error: unknown): boolean =>
  !(error instanceof pg.DatabaseError) ||
  hasEndedSession(error) ||
  /^(08|25006)/.test(error.code ?? '');

/**
 * Whether a statement that failed with `error` may have been committed all the same: the server
 * never said no.
 */
export const isOutcomeUnknown = (error: unknown): boolean => {
  const cause = error instanceof StoreUnavailable ? error.cause : error;
  if (cause instanceof pg.DatabaseError) {
    if (cause.severity === 'PANIC') return true;
    return (hasEndedSession(cause) ? /^(08|57P0|58|XX)/ : /^(08|57P0)/).test(cause.code ?? '');
  }
  if (cause instanceof Error && cause.message.startsWith('timeout exceeded when trying'))
    return false;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return isPassing(cause) && code !== 'ECONNREFUSED' && code !== 'ENOTFOUND';
};

/** Whether the database gave up on a statement because it took longer than it may. */
export const isTooSlow = (error: unknown): boolean => {
  const cause = error instanceof StoreUnavailable ? error.cause : error;
  return cause instanceof pg.DatabaseError && cause.code === '57014';
};
