import type { Appended, Broker, LaneMessage } from './broker.ts';
import { BrokerError } from './broker-error.ts';
import { untilTooLarge } from './limits.ts';

/**
 * `appendInOrder` on a broker that stores what it is sent one by one: all of a wave is under way at
 * once, and the next begins when the broker has confirmed the last. A lane has one message in a
 * wave, so that a repeat after a failure cannot bring its later one before its earlier one.
 */
export const appendInWaves = async (
  { append, maxBodyBytes }: Pick<Broker, 'append' | 'maxBodyBytes'>,
  messages: readonly LaneMessage[],
): Promise<Appended> => {
  const { fitting, refusal } = untilTooLarge(messages, maxBodyBytes);
  const isStored = new Uint8Array(fitting.length);
  let failure: BrokerError | undefined;
  const appendAt = async (at: number, message: LaneMessage): Promise<void> => {
    try {
      await append(message);
      isStored[at] = 1;
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      failure ??= error;
    }
  };
  for (const wave of wavesOf(fitting)) {
    await Promise.all(wave.map(([at, message]) => appendAt(at, message)));
    if (failure !== undefined) break;
  }
  const firstOpen = isStored.indexOf(0);
  return { stored: firstOpen === -1 ? fitting.length : firstOpen, failure: failure ?? refusal };
};

type Wave = (readonly [at: number, message: LaneMessage])[];

/** The n-th wave has the n-th message of each lane. */
const wavesOf = (messages: readonly LaneMessage[]): Wave[] => {
  const waves: Wave[] = [];
  const seen = new Map<string, number>();
  for (const [at, message] of messages.entries()) {
    const n = seen.get(message.lane) ?? 0;
    seen.set(message.lane, n + 1);
    const wave = waves[n];
    if (wave === undefined) waves.push([[at, message]]);
    else wave.push([at, message]);
  }
  return waves;
};
