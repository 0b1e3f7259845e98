import type { Broker } from '@switchyard/broker';
import { topics } from '@switchyard/contracts';
import type { Loop } from '@switchyard/runtime';

/** Wakes the loops when the event log grew or a delivery is due. */
export const listenForHints = async (
  broker: Broker,
  loops: { readonly relay: Loop; readonly deliver: Loop },
  stop: AbortSignal,
): Promise<void> => {
  await broker.listen(topics.appended, () => loops.relay.wake(), stop);
  await broker.listen(topics.due, () => loops.deliver.wake(), stop);
};
