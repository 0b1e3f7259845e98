import { type Log, type Loop, type Metrics, startLoop } from '@switchyard/runtime';
import type { Deliverer } from '../deliver-webhooks.ts';

/** The next try is due ten seconds after the last, which no hint tells. */
const DELIVER_EVERY_MS = 500;

/** Looks for due deliveries on each hint, when a send has made room, and between. */
export const startDeliverLoop = (
  { log, metrics }: { readonly log: Log; readonly metrics: Metrics },
  deliverer: Deliverer,
): Loop =>
  startLoop({ name: 'deliver', everyMs: DELIVER_EVERY_MS, run: deliverer.look, log, metrics });
