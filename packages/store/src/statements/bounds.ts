/**
 * Where one statement stops to read contents, in bytes: more at once takes memory from all else,
 * and may take longer than a statement is waited for, to be asked for again and again.
 */
export const READ_MAX_BYTES = 16 * 1_048_576;
