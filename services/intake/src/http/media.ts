import type { IncomingHttpHeaders } from 'node:http';
import { refuse } from '@switchyard/contracts';

/** JSON, with no charset or the one that JSON has. */
const JSON_TYPE = /^application\/json[\t ]*(?:;[\t ]*charset=(?:utf-8|"utf-8"|utf8)[\t ]*)?;?$/i;

/**
 * A body must be plain JSON by its headers; none at all will do. RunPod's clients send JSON's type
 * with an empty body and with GET. @throws Refusal `request.media_type`.
 */
export const checkMedia = (headers: IncomingHttpHeaders): void => {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw refuse('request.media_type', 'Bodies are taken without a Content-Encoding only.');
  }
  const type = headers['content-type'];
  if (type === undefined || !hasBody(headers) || JSON_TYPE.test(type.trim())) return;
  throw refuse('request.media_type', 'The Content-Type must be application/json.');
};

const hasBody = (headers: IncomingHttpHeaders): boolean =>
  headers['transfer-encoding'] !== undefined ||
  (headers['content-length'] !== undefined && headers['content-length'] !== '0');
