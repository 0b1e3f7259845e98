/** How what a handler gives becomes bytes: the gateway passes them on and never parses them. */
import { isUtf8 } from 'node:buffer';

/** JSON that is passed on as it is. Made by `rawJson`. */
export class RawJson {
  readonly bytes: Buffer;
  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

/**
 * Marks `bytes` as JSON in UTF-8 to be passed on unchanged: numbers keep their digits, keys their
 * order. For outputs, chunks and progress, not for values inside of them.
 */
export const rawJson = (bytes: Uint8Array): RawJson => new RawJson(bytes);

/** Why a value of a handler could not be passed on. The message is a whole sentence. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
}

/**
 * `value` as JSON; undefined becomes null. `trusted` are bytes known to be JSON (the job's input).
 * @throws OutputError when JSON cannot say the value or it takes more than `maxBytes`.
 */
export const toJson = (
  value: unknown,
  what: string,
  maxBytes: number,
  trusted?: Uint8Array,
): Buffer => {
  const bytes = value instanceof RawJson ? checked(value, what, trusted) : print(value, what);
  if (bytes.length > maxBytes) {
    throw new OutputError(
      `The ${what} takes ${bytes.length} bytes; at most ${maxBytes} are allowed.`,
    );
  }
  return bytes;
};

const print = (value: unknown, what: string): Buffer => {
  let text: string | undefined;
  try {
    text = JSON.stringify(value ?? null);
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n', 1)[0] ?? '') : String(cause);
    throw new OutputError(`The ${what} cannot be written as JSON: ${reason}.`, { cause });
  }
  if (text === undefined) {
    throw new OutputError(`The ${what} is a ${typeof value}, which JSON cannot say.`);
  }
  return Buffer.from(text);
};

const checked = ({ bytes }: RawJson, what: string, trusted?: Uint8Array): Buffer => {
  if (trusted !== undefined && isSame(bytes, trusted)) return bytes;
  if (!isUtf8(bytes)) throw new OutputError(`The ${what} given as raw JSON is not UTF-8.`);
  try {
    JSON.parse(bytes.toString());
  } catch (cause) {
    throw new OutputError(`The ${what} given as raw JSON is not JSON.`, { cause });
  }
  return bytes;
};

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.length === b.length;

/** Longest message and longest traceback that an error carries, in characters. */
const ERROR_TEXT_MAX = 16_384;

/**
 * The body of an error post for whatever a handler threw: a JSON string that itself holds JSON,
 * with the field names of the RunPod worker package, so that clients can read either kind.
 */
export const errorBody = (thrown: unknown, workerId: string, hostname: string): Buffer => {
  const isError = thrown instanceof Error;
  const details = {
    error_type: isError ? thrown.name : typeof thrown,
    error_message: cut(isError ? thrown.message : describe(thrown)),
    error_traceback: cut(isError ? (thrown.stack ?? '') : ''),
    worker_id: workerId,
    hostname,
  };
  return Buffer.from(JSON.stringify(JSON.stringify(details)));
};

const cut = (text: unknown): string => String(text).slice(0, ERROR_TEXT_MAX);

const describe = (thrown: unknown): string => {
  try {
    return typeof thrown === 'string' ? thrown : (JSON.stringify(thrown) ?? String(thrown));
  } catch {
    return Object.prototype.toString.call(thrown);
  }
};

/**
 * What `value` says went wrong: a handler may return, or a generator yield, `{ error }` instead of
 * throwing. RunPod's rule: an error that is null, empty or false is none.
 */
export const errorIn = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'error'))
    return undefined;
  const error: unknown = Reflect.get(value, 'error');
  return error ? error : undefined;
};
