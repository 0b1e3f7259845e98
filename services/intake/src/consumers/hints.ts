import type { Broker, Hint } from '@switchyard/broker';
import {
  ChangedSchema,
  parseEndpointId,
  ReconfiguredSchema,
  topics,
  validator,
} from '@switchyard/contracts';
import type { KeyRing } from '@switchyard/store';
import type { ProgressMemory } from '../remember-progress.ts';
import type { EndpointCache } from '../resolve-endpoint.ts';
import type { Waiters } from '../wait-for-result.ts';

type Context = {
  readonly broker: Broker;
  readonly waiters: Waiters;
  readonly progress: ProgressMemory;
  readonly endpoints: EndpointCache;
  readonly keyRing: KeyRing;
};

const checkChanged = validator(ChangedSchema);
const checkReconfigured = validator(ReconfiguredSchema);

/** Hears of changed jobs, progress and settings until `stop` aborts; what is malformed is not. */
export const listenForHints = async (context: Context, stop: AbortSignal): Promise<void> => {
  const { broker, waiters, progress, endpoints, keyRing } = context;
  await Promise.all([
    broker.listen(
      topics.changed,
      (hint) => {
        const changed = checkChanged(jsonIn(hint));
        if (changed.ok) waiters.wake(changed.value.endpoint, changed.value.jobs);
      },
      stop,
    ),
    broker.listen(topics.progress, ({ body }) => progress.hear(body), stop),
    broker.listen(
      topics.reconfigured,
      (hint) => {
        const reconfigured = checkReconfigured(jsonIn(hint));
        if (!reconfigured.ok) return;
        const { endpoint, key } = reconfigured.value;
        const endpointId = endpoint === undefined ? undefined : parseEndpointId(endpoint);
        if (endpointId !== undefined) endpoints.forget(endpointId);
        if (key !== undefined) keyRing.forget(key);
      },
      stop,
    ),
  ]);
};

const jsonIn = ({ body }: Hint): unknown => {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
};
