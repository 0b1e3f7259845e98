import { setTimeout as pause } from 'node:timers/promises';
import { BrokerError, openBroker } from '@switchyard/broker';
import { parseEndpointId, streams, topics } from '@switchyard/contracts';
import { inputOf } from '../load/posting-plan.ts';

const LANES = 32;
const AGAIN_MS = 100;
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * Publishes jobs durably, as a careful producer does: again with the same id until the broker has
 * stored it. @returns how often one was sent again.
 */
export const publishJobs = async (
  url: string,
  endpoint: string,
  count: number,
  perSecond: number,
): Promise<number> => {
  const endpointId = parseEndpointId(endpoint);
  if (endpointId === undefined) throw new TypeError(`${endpoint} is no endpoint`);
  const specs = [streams.submissions];
  const broker = await openBroker(url, { name: 'producer', log: SILENT, streams: specs });
  const startedMs = performance.now();
  let next = 0;
  let repeats = 0;
  const publish = async (n: number): Promise<void> => {
    const body = Buffer.from(`{"input":${inputOf(n)}}`);
    for (;;) {
      try {
        await broker.append({ id: `published-${n}`, topic: topics.submit(endpointId), body });
        return;
      } catch (error) {
        if (!(error instanceof BrokerError && error.retry)) throw error;
        repeats += 1;
        await pause(AGAIN_MS);
      }
    }
  };
  const lane = async (): Promise<void> => {
    while (next < count) {
      const n = next;
      next += 1;
      const waitMs = startedMs + (n * 1_000) / perSecond - performance.now();
      if (waitMs > 0) await pause(waitMs);
      await publish(n);
    }
  };
  try {
    await Promise.all(Array.from({ length: LANES }, lane));
    return repeats;
  } finally {
    await broker.close();
  }
};
