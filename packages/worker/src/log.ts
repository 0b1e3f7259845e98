/** What a worker says: one JSON object a line on stderr, so that stdout stays the handler's. */
export const LOG_LEVELS = ['info', 'warn', 'error'] as const;
type Fields = Readonly<Record<string, unknown>>;
export type Log = Readonly<
  Record<(typeof LOG_LEVELS)[number], (message: string, fields?: Fields) => void>
>;

const CLOSED_PIPES = new WeakSet<NodeJS.WritableStream>();

/** A log whose every line carries `bound`. A reader that went away is no reason to end. */
export const jsonLog = (bound: Fields, out: NodeJS.WritableStream = process.stderr): Log => {
  if (!CLOSED_PIPES.has(out)) {
    CLOSED_PIPES.add(out);
    out.on('error', () => undefined);
  }
  const say = (level: string) => (message: string, fields?: Fields) => {
    const time = new Date().toISOString();
    out.write(`${lineOf({ time, level, message, ...bound, ...fields })}\n`);
  };
  return { info: say('info'), warn: say('warn'), error: say('error') };
};

/** The same log, with `bound` on every line. */
export const logWith = (log: Log, bound: Fields): Log => ({
  info: (message, fields) => log.info(message, { ...bound, ...fields }),
  warn: (message, fields) => log.warn(message, { ...bound, ...fields }),
  error: (message, fields) => log.error(message, { ...bound, ...fields }),
});

const lineOf = (fields: Fields): string => {
  try {
    return JSON.stringify(fields);
  } catch {
    return JSON.stringify({ ...fields, message: String(fields.message), fields: 'not JSON' });
  }
};
