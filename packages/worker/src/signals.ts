/** SIGTERM and SIGINT ask the worker to leave; a second one ends it at once. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Calls `leave` at the first signal.
 * @returns what gives the signals back to the process.
 */
export const leaveOnSignal = (leave: () => void): (() => void) => {
  let leaving = false;
  const hear = (signal: (typeof SIGNALS)[number]) => {
    if (leaving) process.exit(EXIT_CODES[signal]);
    leaving = true;
    leave();
  };
  for (const signal of SIGNALS) process.on(signal, hear);
  return () => {
    for (const signal of SIGNALS) process.off(signal, hear);
  };
};
