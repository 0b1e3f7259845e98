import { setTimeout as pause } from 'node:timers/promises';
import type { StreamSpec } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { declare } from './declare.ts';
import type { AmqpLink } from './link.ts';
import { placeOf } from './places.ts';

const TRY_AGAIN_MS = 250;

/**
 * Makes the exchanges and queues of `specs`, or finds that they are as wanted.
 * @throws BrokerError as `declare` does; `broker.unavailable` after `timeoutMs` only.
 */
export const openStreams = async (
  link: AmqpLink,
  specs: readonly StreamSpec[],
  timeoutMs: number,
): Promise<void> => {
  const until = performance.now() + timeoutMs;
  for (;;) {
    try {
      for (const spec of specs) await declare(link.consuming, placeOf(spec));
      return;
    } catch (error) {
      const passing = error instanceof BrokerError && error.retry;
      if (!passing || performance.now() >= until) throw error;
      await pause(TRY_AGAIN_MS);
    }
  }
};
