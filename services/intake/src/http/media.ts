import type { IncomingHttpHeaders } from 'node:http';
import { NDJSON, refuse } from '@switchyard/contracts';

/** What may stand behind a type: no charset, or the one that JSON has. */
const PARAMETERS = '[\\t ]*(?:;[\\t ]*charset=(?:utf-8|"utf-8"|utf8)[\\t ]*)?;?';
const JSON_TYPE = new RegExp(`^application/json${PARAMETERS}$`, 'i');
/** Lines of JSON have no registered type; these are in use. */
export const NDJSON_TYPE = new RegExp(
  `^application/(?:x-ndjson|ndjson|jsonl|x-jsonlines)${PARAMETERS}$`,
  'i',
);

/**
 * A body must be plain JSON by its headers; none at all will do. RunPod's clients send JSON's type
 * with an empty body and with GET. @throws Refusal `request.media_type`.
 */
export const checkMedia = (headers: IncomingHttpHeaders): void => {
  checkEncoding(headers);
  const type = headers['content-type'];
  if (type === undefined || !hasBody(headers) || JSON_TYPE.test(type.trim())) return;
  throw refuse('request.media_type', 'The Content-Type must be application/json.');
};

/** A body must be lines of JSON, and its headers say so. @throws Refusal `request.media_type`. */
export const checkLinesMedia = (headers: IncomingHttpHeaders): void => {
  checkEncoding(headers);
  if (!hasBody(headers) || NDJSON_TYPE.test(headers['content-type']?.trim() ?? '')) return;
  throw refuse('request.media_type', `The Content-Type must be ${NDJSON}.`);
};

const checkEncoding = (headers: IncomingHttpHeaders): void => {
  const encoding = headers['content-encoding'];
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return;
  throw refuse('request.media_type', 'Bodies are taken without a Content-Encoding only.');
};

const hasBody = (headers: IncomingHttpHeaders): boolean =>
  headers['transfer-encoding'] !== undefined ||
  (headers['content-length'] !== undefined && headers['content-length'] !== '0');
