import { jobIdOf, parseJobId, refuse, uuidOf } from '@switchyard/contracts';
import type { Call } from './route.ts';

/** The cursor of a page that ends with, or before, the job of this UUID. */
export const toCursor = (uuid: string): string =>
  Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');

/** The UUID that the cursor stands for. @throws Refusal for what is none of ours. */
export const cursorIn = (call: Call): string | null => {
  const text = call.query.cursor;
  if (text === undefined) return null;
  const hex = typeof text === 'string' ? Buffer.from(text, 'base64url').toString('hex') : '';
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  if (uuid.length === 36 && toCursor(uuid) === text) {
    const jobId = parseJobId(jobIdOf(uuid));
    if (jobId !== undefined) return uuidOf(jobId);
  }
  throw refuse('request.invalid', 'cursor must be the one that the former page gave.');
};
