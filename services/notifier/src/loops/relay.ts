import { type Loop, startLoop } from '@switchyard/runtime';
import { createDeadRowsMeter } from '../measure-dead-rows.ts';
import { createLagMeter } from '../measure-lag.ts';
import type { Relay, RelayContext } from '../relay-events.ts';

/**
 * An event stays hidden while an older transaction runs, and no hint tells of that one's end; so
 * the relay looks more often than hints are lost.
 */
const RELAY_EVERY_MS = 250;
/** A look at a broker that is away costs nothing, and its return should be noticed soon. */
const BACK_OFF_MAX_MS = 500;
const MEASURE_EVERY_MS = 5_000;
const COUNT_DEAD_EVERY_MS = 15_000;

/** Relays on each hint and between them. */
export const startRelayLoop = ({ log, metrics }: RelayContext, relay: Relay): Loop =>
  startLoop({
    name: 'relay',
    everyMs: RELAY_EVERY_MS,
    backOffMaxMs: BACK_OFF_MAX_MS,
    run: relay.run,
    log,
    metrics,
  });

/** Tells how far the relay is behind, whichever instance relays. */
export const startLagLoop = (context: RelayContext): Loop => {
  const { log, metrics } = context;
  const run = createLagMeter(context);
  return startLoop({ name: 'measure relay lag', everyMs: MEASURE_EVERY_MS, run, log, metrics });
};

/** Tells how many rows of the database are dead, and what keeps them. */
export const startDeadRowsLoop = (context: RelayContext): Loop => {
  const { log, metrics } = context;
  const run = createDeadRowsMeter(context);
  return startLoop({ name: 'count dead rows', everyMs: COUNT_DEAD_EVERY_MS, run, log, metrics });
};
