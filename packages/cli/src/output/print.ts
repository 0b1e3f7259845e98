import { styleText } from 'node:util';
import type { State } from '@switchyard/contracts';

/** Writes lines to standard output. */
export const print = (...lines: readonly string[]): void => {
  if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
};

/** Writes JSON that the server sent as it came, on a line of its own. */
export const printBytes = (bytes: Uint8Array): void => {
  process.stdout.write(Buffer.concat([bytes, Buffer.from('\n')]));
};

/** Writes `value` as one line of JSON. */
export const printJson = (value: unknown): void => print(JSON.stringify(value));

/** Says a line to the person on standard error, instead of the bar that may stand there. */
export const note = (line: string): void => {
  const start = process.stderr.isTTY ? '\r\u001B[K' : '';
  process.stderr.write(`${start}switchyard: ${clean(line)}\n`);
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
const CONTROL = /[\u0000-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g;

/** `text` on one line, without what a terminal would obey: workers and clients wrote it. */
export const clean = (text: string): string =>
  text.replace(
    CONTROL,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`,
  );

/** `text`, clean, cut to `lengthMax` characters. */
export const shorten = (text: string, lengthMax: number): string => {
  const shown = clean(text);
  return shown.length > lengthMax ? `${shown.slice(0, lengthMax - 1)}…` : shown;
};

const COLOURS: Readonly<Record<State, 'green' | 'red' | 'yellow' | 'cyan' | 'gray'>> = {
  IN_QUEUE: 'gray',
  IN_PROGRESS: 'cyan',
  COMPLETED: 'green',
  FAILED: 'red',
  CANCELLED: 'yellow',
  TIMED_OUT: 'red',
};

/** The state in its colour, where standard output is a terminal that wants colours. */
export const paintState = (state: State): string => styleText(COLOURS[state], state);

/** Bold, under the same condition. */
export const bold = (text: string): string => styleText('bold', text);
