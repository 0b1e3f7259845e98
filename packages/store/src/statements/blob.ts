/**
 * Many byte strings as one parameter: the driver sends a lone Buffer as it is, but an array of them
 * as hex. SQL cuts each out again with `substring(blob from at for length)`.
 */
export type Blob = {
  readonly bytes: Buffer;
  /** Where each begins, counted from 1 as SQL does. */
  readonly at: readonly number[];
  /** How long each is; null where there is none. */
  readonly lengths: readonly (number | null)[];
};

/** Joins `parts`; undefined ones become NULL in SQL. */
export const toBlob = (parts: readonly (Buffer | undefined)[]): Blob => {
  const at: number[] = [];
  const lengths: (number | null)[] = [];
  let next = 1;
  for (const part of parts) {
    at.push(next);
    lengths.push(part?.length ?? null);
    next += part?.length ?? 0;
  }
  const present = parts.filter((part) => part !== undefined);
  return {
    bytes: present.length === 1 && present[0] ? present[0] : Buffer.concat(present),
    at,
    lengths,
  };
};
