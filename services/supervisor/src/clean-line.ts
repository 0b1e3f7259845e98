/**
 * A text of a worker's on one line, cut to `maxChars`. It may hold anything, and Postgres refuses
 * a NUL, and with it all that is stored in the same statement.
 */
export const cleanLine = (text: string, maxChars: number): string =>
  text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, maxChars);
