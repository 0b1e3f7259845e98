/**
 * What may stand in a log line: plain values, to a depth and a length. Fields whose name says that
 * they are secret lose their value, bytes and foreign objects give only what they are, and errors
 * their cause but none of the fields that libraries hang on them, which may hold rows or headers.
 */
const DEPTH_MAX = 6;
const ENTRIES_MAX = 100;
const TEXT_MAX_LENGTH = 16_384;

const REDACTED = '[redacted]';
const SECRET_NAME = /^(?:keys?|cookies?|set-cookie|access_?id|s3_?config)$|auth(?:orization)?$/i;
const SECRET_WORD = /secret|passw(?:or)?d|token|credential|(?:api|master|private|access)[-_]?key/i;

/** `fields`, fit to be written; the given object stays as it is. */
export const cleanFields = (fields: Record<string, unknown>): Record<string, unknown> =>
  cleanRecord(fields, 0);

const cleanRecord = (record: object, depth: number): Record<string, unknown> => {
  const clean: Record<string, unknown> = {};
  let left = ENTRIES_MAX;
  for (const [name, value] of Object.entries(record)) {
    left -= 1;
    if (left < 0) {
      clean['…'] = `more than ${ENTRIES_MAX} fields`;
      break;
    }
    clean[name] = isSecret(name, value) ? REDACTED : cleanValue(value, depth);
  }
  return clean;
};

/** Counts and flags tell nothing: `tokens: 5` and `key: true` stay. */
const isSecret = (name: string, value: unknown): boolean =>
  (typeof value === 'string' || (typeof value === 'object' && value !== null)) &&
  (SECRET_NAME.test(name) || SECRET_WORD.test(name));

const cleanValue = (value: unknown, depth: number): unknown => {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  return depth < DEPTH_MAX ? cleanObject(value, depth) : '[deep]';
};

const cleanObject = (value: object, depth: number): unknown => {
  if (value instanceof Error) return cleanError(value, depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) {
    const clean = value.slice(0, ENTRIES_MAX).map((entry) => cleanValue(entry, depth + 1));
    const more = value.length - clean.length;
    return more > 0 ? [...clean, `… ${more} more`] : clean;
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return cleanRecord(value, depth + 1);
  return `[${value.constructor?.name ?? 'Object'}]`;
};

const cleanText = (text: string): string =>
  text.length > TEXT_MAX_LENGTH ? `${text.slice(0, TEXT_MAX_LENGTH)}…` : text;

/** Fields of errors that say what went wrong and never what was in it. */
const ERROR_FIELDS = [
  'code',
  'syscall',
  'address',
  'port',
  'signal',
  'severity',
  'table',
  'constraint',
  'routine',
] as const;

const cleanError = (error: Error, depth: number): Record<string, unknown> => {
  const clean: Record<string, unknown> = {
    type: error.name,
    message: cleanText(String(error.message)),
    stack: cleanText(String(error.stack)),
  };
  for (const field of ERROR_FIELDS) {
    const value: unknown = Reflect.get(error, field);
    if (typeof value === 'string' || typeof value === 'number') clean[field] = value;
  }
  if (error.cause !== undefined) clean.cause = cleanValue(error.cause, depth + 1);
  if (error instanceof AggregateError) clean.errors = cleanValue(error.errors, depth + 1);
  return clean;
};
