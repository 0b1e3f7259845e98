import { isatty } from 'node:tty';
import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { LogLevel } from './config/read-value.ts';
import { cleanFields } from './log/clean-fields.ts';
import type { LogSink } from './log/log-sink.ts';
import { redactUrl, withoutEscapes, withPlainControls } from './log/redact-line.ts';
import { createStdoutSink } from './log/stdout-sink.ts';

export type { LogSink } from './log/log-sink.ts';
export { redactUrl };

/**
 * Where everything that happened is told: `log.info({ endpoint }, 'The endpoint was made')`. Fields
 * are cleaned of secrets by their names, every line of credentials in its text.
 */
export type Log = pino.Logger;

export type LogOptions = {
  readonly level: LogLevel;
  /** For people instead of machines; unset: where standard output is a terminal. */
  readonly pretty?: boolean | undefined;
  readonly service: string;
  readonly instance: string;
  /** Unset: standard output. */
  readonly destination?: LogSink;
};

/**
 * A logger that writes one JSON object a line, control characters escaped, or coloured lines. It
 * outlives its reader: a closed or full standard output loses lines, never the process.
 */
export const createLog = (options: LogOptions): Log => {
  const terminal = options.destination === undefined && isatty(1);
  const finish = (options.pretty ?? terminal) ? prettyLine(terminal) : withPlainControls;
  const log = pino(
    {
      level: options.level,
      base: { service: options.service, instance: options.instance },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: cleanFields },
      // Errors are plain objects by then; pino's own serialiser would dress them up again.
      serializers: { err: (value) => value },
      hooks: { streamWrite: (line) => finish(redactUrl(line)) },
    },
    options.destination ?? createStdoutSink(),
  );
  // Pino formats the fields of a line, but not those that a child carries into each of its lines.
  const makeChild = log.child;
  log.child = function child(this: Log, bindings: object, ...rest: []) {
    return makeChild.call(this, cleanFields({ ...bindings }), ...rest);
  } as typeof log.child;
  return log;
};

const prettyLine = (colorize: boolean): ((line: string) => string) => {
  const pretty = prettyFactory({
    colorize,
    ignore: 'instance',
    messageKey: 'msg',
    translateTime: 'SYS:HH:MM:ss.l',
    errorLikeObjectKeys: [],
  });
  return (line) => pretty(withoutEscapes(line)) ?? '';
};
