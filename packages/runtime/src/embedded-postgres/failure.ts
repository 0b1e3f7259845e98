import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** Why the embedded Postgres did not come up, as one sentence for the person who started it. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENOENT: 'it cannot be made there',
  ENOTDIR: 'a part of the path is not a directory',
  EEXIST: 'a file is in the way',
  ENAMETOOLONG: 'the path is too long',
};

/** The system's code of a failed call (`EACCES`), or undefined for anything else. */
export const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/** What went wrong in `error`, as the end of a sentence. */
export const reasonOf = (error: unknown): string => {
  const code = systemCode(error);
  if (code !== undefined && REASONS[code] !== undefined) return REASONS[code];
  return error instanceof Error ? error.message : String(error);
};

/** Turns a failure to write below `dataDir` into a sentence that says what to change. */
export const cannotUse = (dataDir: string, error: unknown): EmbeddedPostgresError =>
  new EmbeddedPostgresError(
    `The data directory ${dataDir} cannot be used: ${reasonOf(error)}. ` +
      'Choose another with SWITCHYARD_DATA_DIR, or set DATABASE_URL.',
    { cause: error },
  );

const FATAL = /(?:FATAL|PANIC|ERROR|error):\s+(.+)/;

/** The last complaint in what a Postgres program printed, without its time and process id. */
export const lastComplaint = (output: string): string | undefined =>
  output
    .split('\n')
    .map((line) => FATAL.exec(line)?.[1])
    .findLast((found) => found !== undefined);

/**
 * Why the postmaster `pid` ended: from what it printed before its log collector ran, and from its
 * log since its own first line there. An older run's complaints are not taken for this one's.
 */
export const whyEnded = async (home: string, pid: number): Promise<string> => {
  const read = (file: string) => readFile(path.join(home, file), 'utf8').catch(() => '');
  const early = await read('startup.log');
  const [, current] = (await read('data/current_logfiles')).trim().split(/^stderr /);
  const logged = current === undefined ? '' : await read(path.join('data', current));
  const from = logged.indexOf(`[${pid}]`);
  return (
    lastComplaint(from < 0 ? '' : logged.slice(from)) ??
    lastComplaint(early) ??
    (early.trim().split('\n').at(-1) || 'it ended without saying why')
  );
};
