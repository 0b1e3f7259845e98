import type { Broker } from '@switchyard/broker';
import { ReconfiguredSchema, topics, validator } from '@switchyard/contracts';
import type { KeyRing } from '@switchyard/store';
import { parseJson } from '../parse-json.ts';

const check = validator(ReconfiguredSchema);

/** Hears of changed endpoints and keys, so that a revoked token opens nothing from then on. */
export const listenForReconfigured = (
  { broker, keyRing, learn }: { broker: Broker; keyRing: KeyRing; learn: () => void },
  stop: AbortSignal,
): Promise<void> =>
  broker.listen(
    topics.reconfigured,
    ({ body }) => {
      const heard = check(parseJson(body));
      if (!heard.ok) return;
      if (heard.value.key !== undefined) keyRing.forget(heard.value.key);
      if (heard.value.endpoint !== undefined) learn();
    },
    stop,
  );
