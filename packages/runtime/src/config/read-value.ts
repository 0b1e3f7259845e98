import { isIP } from 'node:net';
import { parseArmed } from '../failpoints/parse-armed.ts';

/**
 * How each kind of value is read. A problem is the rest of a sentence that begins with the name of
 * the variable; those of secrets and of URLs, which may hold a password, never repeat the value.
 */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: string };
export type Parser<Value> = (text: string) => Parsed<Value>;

/** The levels of pino. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const MASTER_KEY_BYTES = 32;
const PORT_MAX = 65_535;

const good = <Value>(value: Value): Parsed<Value> => ({ ok: true, value });
const bad = (problem: string): Parsed<never> => ({ ok: false, problem });

/** `text` for a sentence: on one line, escaped, and never long. */
export const show = (text: string): string =>
  JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

/** A whole number from 0 to 65535; 0 asks for a free port. */
export const port: Parser<number> = (text) =>
  /^\d{1,5}$/.test(text) && Number(text) <= PORT_MAX
    ? good(Number(text))
    : bad(`must be a whole number from 0 to ${PORT_MAX}; got ${show(text)}.`);

const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** An IP address, IPv6 without brackets, or a host name. */
export const host: Parser<string> = (text) => {
  const labels = text.split('.');
  // A name whose last label is a number would be taken for an address by whoever resolves it.
  const isName =
    text.length <= 253 &&
    labels.every((label) => LABEL.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '');
  return isIP(text) !== 0 || isName
    ? good(text)
    : bad(`must be an IP address or a host name; got ${show(text)}.`);
};

/** Any path. */
export const path: Parser<string> = (text) =>
  text.includes('\0') ? bad('must be a path.') : good(text);

/** What `openFailpoints` takes: the path of a file, or what is armed. */
export const failpoints: Parser<string> = (text) => {
  if (text.startsWith('/')) return path(text);
  try {
    parseArmed(text);
    return good(text);
  } catch (error) {
    return bad(`is no path, and ${error instanceof Error ? error.message : String(error)}`);
  }
};

const hasProtocol = (text: string, protocols: readonly string[]): boolean =>
  URL.canParse(text) && protocols.includes(new URL(text).protocol);

/** The URL of a Postgres. */
export const databaseUrl: Parser<string> = (text) =>
  hasProtocol(text, ['postgres:', 'postgresql:'])
    ? good(text)
    : bad('must be a URL that begins with postgres:// or postgresql://.');

/** The servers of a cluster, with commas between them; after the first, host and port will do. */
export const brokerUrl: Parser<string> = (text) => {
  const [first = '', ...more] = text.split(',');
  const scheme = first.slice(0, first.indexOf('//') + 2);
  const servers = [first, ...more.map((one) => (one.includes('://') ? one : `${scheme}${one}`))];
  const ofOneKind = [
    ['nats:', 'tls:'],
    ['amqp:', 'amqps:'],
  ].some((protocols) => servers.every((server) => hasProtocol(server, protocols)));
  return ofOneKind
    ? good(text)
    : bad('must be a URL that begins with nats://, tls://, amqp:// or amqps://.');
};

/** An http or https URL. */
export const httpUrl: Parser<string> = (text) =>
  hasProtocol(text, ['http:', 'https:'])
    ? good(text)
    : bad('must be a URL that begins with http:// or https://.');

/** Visible ASCII characters, as a header can carry them. */
export const apiKey: Parser<string> = (text) =>
  /^[\x21-\x7e]+$/.test(text)
    ? good(text)
    : bad('must be visible ASCII characters without a space.');

/** Keys of exactly 32 bytes in base64, with commas between them. */
export const masterKeys: Parser<readonly Buffer[]> = (text) => {
  const keys: Buffer[] = [];
  for (const [index, part] of text.split(',').entries()) {
    const key = Buffer.from(part.trim(), 'base64');
    // Buffer.from passes over what is not base64, so the way back has to give the same text.
    if (key.length !== MASTER_KEY_BYTES || key.toString('base64') !== part.trim()) {
      return bad(
        `must be ${MASTER_KEY_BYTES} bytes in base64, or several such keys with commas between ` +
          `them; key ${index + 1} is not.`,
      );
    }
    keys.push(key);
  }
  return good(Object.freeze(keys));
};

/** One of pino's levels. */
export const logLevel: Parser<LogLevel> = (text) => {
  const level = LOG_LEVELS.find((known) => known === text);
  return level === undefined
    ? bad(`must be one of ${LOG_LEVELS.join(', ')}; got ${show(text)}.`)
    : good(level);
};

/** true, false, 1 or 0. */
export const flag: Parser<boolean> = (text) => {
  if (text === 'true' || text === '1') return good(true);
  if (text === 'false' || text === '0') return good(false);
  return bad(`must be true, false, 1 or 0; got ${show(text)}.`);
};
