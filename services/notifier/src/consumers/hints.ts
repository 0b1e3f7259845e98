import type { Broker } from '@switchyard/broker';
import { topics } from '@switchyard/contracts';
import type { Loop } from '@switchyard/runtime';
import type { ProgressPublisher } from '../publish-progress.ts';

type Listeners = {
  readonly relay: Loop;
  readonly deliver: Loop;
  readonly progress: ProgressPublisher;
};

/** Wakes the loops when the event log grew or a delivery is due, and passes progress on. */
export const listenForHints = async (
  broker: Broker,
  { relay, deliver, progress }: Listeners,
  stop: AbortSignal,
): Promise<void> => {
  await broker.listen(topics.appended, () => relay.wake(), stop);
  await broker.listen(topics.due, () => deliver.wake(), stop);
  // One notifier hears each, so that it is published once.
  await broker.listen(topics.progress, ({ body }) => progress.hear(body), stop, 'notifier');
};
