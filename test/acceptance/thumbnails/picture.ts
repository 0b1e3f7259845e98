import path from 'node:path';

/** The pixels that a Debian package, or the test itself, has put into one file. */
export type Picture = {
  /** Unique; the folder of its thumbnails in the bucket. */
  readonly key: string;
  /** What is sent. */
  readonly file: string;
  /** The Debian package that it comes from, itself or what it was made of. */
  readonly from: string;
  readonly isPhotograph: boolean;
  /** How the test made it, when it did; unset for a file as its package has it. */
  readonly made?: string;
  /** The picture as a person sees it; unset when that is `file` itself. */
  readonly upright?: string;
  /** Whether its corners are painted as CORNERS says. */
  readonly isMarked?: boolean;
  /** Why its job must fail. */
  readonly fails?: RegExp;
};

/** The colours painted on a marked picture's corners, as they stand when it is upright. */
export const CORNERS = {
  northwest: [230, 20, 20],
  northeast: [20, 200, 20],
  southeast: [20, 20, 230],
  southwest: [230, 230, 20],
} as const satisfies Record<string, readonly [number, number, number]>;

/** A key of letters that need no escape in an URL or a bucket, unique within a package. */
export const keyOf = (from: string, file: string): string => {
  const inside = file
    .replace(/^usr\/share\//, '')
    .split(path.sep)
    .join('-');
  return `${from}/${inside}`.replace(/[^\w./-]/g, '_');
};
