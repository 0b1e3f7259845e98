import type { Broker } from '@switchyard/broker';
import { topics } from '@switchyard/contracts';
import type { Loop } from '@switchyard/runtime';
import type { ProgressPublisher } from '../publish-progress.ts';

type Listeners = {
  /** Called when the event log grew. */
  readonly appended: () => void;
  readonly deliver: Pick<Loop, 'wake'>;
  readonly progress: ProgressPublisher;
};

/** Tells when the event log grew or a delivery is due, and passes progress on. */
export const listenForHints = async (
  broker: Broker,
  { appended, deliver, progress }: Listeners,
  stop: AbortSignal,
): Promise<void> => {
  await broker.listen(topics.appended, appended, stop);
  await broker.listen(topics.due, () => deliver.wake(), stop);
  // One notifier hears each, so that it is published once.
  await broker.listen(topics.progress, ({ body }) => progress.hear(body), stop, 'notifier');
};
