/** Takes whole lines, newline included, at once and without ever throwing. */
export type LogSink = { write(line: string): void };
