import type { Log } from './log.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** What a shell tells of a process that a signal ended: 128 and the number of the signal. */
const EXIT_CODES = { SIGTERM: 143, SIGINT: 130 } as const;

export type StopOptions = {
  readonly log: Log;
  /** How long `stop` may take, in ms. */
  readonly drainMs: number;
  /** Takes no more work, waits for what is under way, ends the rest and gives it back. */
  readonly stop: () => Promise<void>;
  /** Unset: ends the process. */
  readonly exit?: (code: number) => void;
};

/**
 * Decides how this process ends; to be called once, by whoever wires it. The first SIGTERM or
 * SIGINT runs `stop` and exits 0, also when the drain takes too long; 1 when `stop` fails. A second
 * signal ends at once. An error that nobody caught is logged as fatal, once, and exits 1: what the
 * process still knows cannot be trusted, and everything that counts is in the database.
 * @returns what begins the same stop without a signal; `reason` is for the log.
 */
export const onStopSignals = (options: StopOptions): ((reason: string) => void) => {
  const { log, drainMs, stop } = options;
  const exit = options.exit ?? ((code: number): void => process.exit(code));
  let isStopping = false;
  let isDead = false;

  const begin = (reason: string): void => {
    if (isStopping) return;
    isStopping = true;
    log.info({ reason, drainMs }, 'Stopping');
    drain(stop, drainMs).then(
      (isDrained) => {
        if (isDrained) log.info('Stopped');
        else log.warn({ drainMs }, 'The drain took too long; what was left is abandoned');
        exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'The stop failed');
        exit(1);
      },
    );
  };

  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (!isStopping) return begin(signal);
      log.warn({ signal }, 'Ended at once by a second signal');
      exit(EXIT_CODES[signal]);
    });
  }

  // This one hears unhandled rejections as well: Node makes uncaught errors of them.
  process.on('uncaughtException', (error, origin) => {
    if (isDead) return;
    isDead = true;
    log.fatal({ err: error, origin }, 'An error that nobody caught ends the process');
    exit(1);
  });

  // A terminal or pipe that is gone is no reason to end: nobody reads, that is all.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  return begin;
};

/** Whether `stop` ended within `drainMs`. */
const drain = async (stop: () => Promise<void>, drainMs: number): Promise<boolean> => {
  const tooLate = Promise.withResolvers<false>();
  const timer = setTimeout(() => tooLate.resolve(false), drainMs);
  try {
    return await Promise.race([stop().then(() => true), tooLate.promise]);
  } finally {
    clearTimeout(timer);
  }
};
