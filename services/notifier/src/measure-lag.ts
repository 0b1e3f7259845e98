import type { Log, Metrics } from '@switchyard/runtime';
import { findHorizonHolder, readCursorLag, type Store } from '@switchyard/store';
import { RELAY_CURSOR } from './relay-events.ts';

/** From this lag on somebody should look, in ms. */
const LAG_WARN_MS = 10_000;

export type LagContext = {
  readonly store: Store;
  readonly log: Log;
  readonly metrics: Metrics;
};

/**
 * Measures how far the relay is behind, by the database's clock. Beyond LAG_WARN_MS it names, once,
 * the session whose transaction may be hiding the events, since no error tells of that.
 */
export const createLagMeter = ({ store, log, metrics }: LagContext): (() => Promise<void>) => {
  const lag = metrics.gauge(
    'switchyard_relay_lag_seconds',
    'How long the oldest event that is not published has waited.',
  );
  let isLate = false;
  return async () => {
    const lagMs = await readCursorLag(store, RELAY_CURSOR);
    lag.set(lagMs / 1_000);
    const wasLate = isLate;
    isLate = lagMs > LAG_WARN_MS;
    if (isLate && !wasLate) {
      const holder = await findHorizonHolder(store);
      log.warn({ lagMs, holder }, 'Events wait long; the oldest writing transaction is named');
    }
    if (!isLate && wasLate) log.info({ lagMs }, 'Events are published in time again');
  };
};
