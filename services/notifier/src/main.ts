import type { Broker } from '@switchyard/broker';
import type { InstanceId } from '@switchyard/contracts';
import type { Log, Loop, Metrics, Sealer, Service, TargetGuard } from '@switchyard/runtime';
import type { Store } from '@switchyard/store';
import { listenForHints } from './consumers/hints.ts';
import { createDeliverer } from './deliver-webhooks.ts';
import { startDeliverLoop } from './loops/deliver.ts';
import { startDeadRowsLoop, startLagLoop, startRelayLoop } from './loops/relay.ts';
import type { PostWebhook } from './post-webhook.ts';
import { createProgressPublisher } from './publish-progress.ts';
import { createRelay } from './relay-events.ts';

export type NotifierContext = {
  readonly store: Store;
  readonly broker: Broker;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly instance: InstanceId;
  /** Opens the webhook secrets of endpoints. */
  readonly sealer: Sealer;
  readonly targetGuard: TargetGuard;
  /** Of tests, around each post of a webhook. */
  readonly wrapPoster?: (post: PostWebhook) => PostWebhook;
  /** How long sends under way may take to end once it is stopped, in ms. */
  readonly drainMs: number;
};

/** The notifier: events out to the broker, and the deliveries of webhooks. */
export const createNotifier = (context: NotifierContext): Service => {
  const stop = new AbortController();
  const relay = createRelay(context);
  const progress = createProgressPublisher(context);
  let deliver: Loop | undefined;
  let loops: Loop[] = [];
  const deliverer = createDeliverer(context, () => deliver?.wake());

  return {
    name: 'notifier',
    start: async () => {
      if (stop.signal.aborted) return;
      deliver = startDeliverLoop(context, deliverer);
      const relaying = startRelayLoop(context, relay);
      loops = [deliver, relaying, startLagLoop(context), startDeadRowsLoop(context)];
      const appended = (): void => {
        relay.heard();
        relaying.wake();
      };
      const listeners = { appended, deliver, progress };
      await listenForHints(context.broker, listeners, stop.signal);
    },
    stop: async () => {
      stop.abort();
      await Promise.all(loops.map((loop) => loop.stop()));
      await Promise.all([deliverer.drain(context.drainMs), progress.idle()]);
      // Without it another instance relays some seconds later all the same.
      await relay.release().catch(() => undefined);
    },
  };
};
