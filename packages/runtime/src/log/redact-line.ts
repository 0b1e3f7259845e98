/**
 * What stands in the text of a line rather than in a field of its own: credentials in URLs and in
 * quoted JSON, bearer tokens, control characters. All quantifiers are bounded, so that a long
 * hostile text costs time in proportion to its length.
 */

/** A password of a database or broker may hold a slash; in an HTTP URL an @ may follow one. */
const SERVER_USER = /((?:postgres(?:ql)?|nats|tls|amqps?|rediss?):\/\/)[^\s"\\]{0,1024}@/gi;
const ANY_USER = /(:\/\/)[^\s"\\/?#]{0,1024}@/g;
const QUERY_SECRET =
  /([?&;][\w-]{0,40}(?:passw(?:or)?d|token|secret|api[-_]?key|signature|credential)=)[^&\s"\\]+/gi;
const BEARER = /\b(Bearer\s{1,8})[^\s"\\,]+/gi;
const QUOTED_SECRET = new RegExp(
  String.raw`("[\w-]{0,40}(?:passw(?:or)?d|token|secret|authorization|api[-_]?key|accessid)` +
    String.raw`[\w-]{0,40}\\{0,8}"\s{0,8}:\s{0,8}\\{0,8}")[^"\\]+`,
  'gi',
);

/** Most lines stop here: looking for words is far cheaper than for what is around them. */
const MAY_HOLD_SECRET = /bearer|secret|passw|token|authorization|api[-_]?key|accessid/i;

/**
 * `text` without the credentials of its URLs and without bearer tokens, each replaced by
 * `[redacted]`. JSON stays JSON.
 */
export const redactUrl = (text: string): string => {
  let clean = text;
  if (clean.includes('://')) {
    clean = clean
      .replace(SERVER_USER, '$1[redacted]@')
      .replace(ANY_USER, '$1[redacted]@')
      .replace(QUERY_SECRET, '$1[redacted]');
  }
  if (!MAY_HOLD_SECRET.test(clean)) return clean;
  return clean.replace(BEARER, '$1[redacted]').replace(QUOTED_SECRET, '$1[redacted]');
};

const BARE_CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;

/** A JSON line whose control characters are all escaped: JSON itself escapes only the first 32. */
export const withPlainControls = (line: string): string =>
  line.replace(
    BARE_CONTROLS,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const ESCAPED_CONTROL = /\\\\|\\(?:[bfr]|u00(?:[01][0-9a-f]|7f|[89][0-9a-f])|u202[89])/gi;

/**
 * A JSON line whose control characters stay visible once it is parsed, so that no text of a client
 * moves the cursor of the terminal that it is printed on. Line ends and tabs are let through.
 */
export const withoutEscapes = (line: string): string =>
  withPlainControls(line).replace(ESCAPED_CONTROL, (found) =>
    found === '\\\\' || /^\\u000[9a]$/i.test(found) ? found : `\\${found}`,
  );
