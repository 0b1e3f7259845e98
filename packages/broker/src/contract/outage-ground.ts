import { setTimeout as pause } from 'node:timers/promises';
import type { Broker, Handler, Message, StreamSpec } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import type { Mailbox } from './mailbox.ts';

/** A real server of the suite's own, and what an operator can do to it. */
export type OutageGround = {
  open(): Promise<Broker>;
  start(): Promise<void>;
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Resolves when the server has stopped to answer. */
  freeze(): Promise<void>;
  thaw(): void;
  wipe(): Promise<void>;
  /** Deletes what holds the messages of the group of that stream, or of all its groups. */
  deleteGroup(stream: string): Promise<void>;
  deleteStream(stream: string): Promise<void>;
  end(): Promise<void>;
};

/** Each test has a stream of its own: what one leaves behind is not the next one's. */
const TESTS = ['SIGTERM', 'SIGKILL', 'wiped', 'deleted', 'dies', 'long', 'hangs'] as const;

/** What the group of the test's stream consumes. */
export const patternOf = (name: string): string => `outage.${name}.*`;

/** The streams of the suite, of which `g` is the group. */
export const OUTAGE_STREAMS = TESTS.map(
  (name): StreamSpec => ({
    name,
    topics: [patternOf(name)],
    keep: 'log',
    group: 'g',
    maxAgeMs: 600_000,
    duplicateWindowMs: 60_000,
  }),
);

/** A message to the test's stream. */
export const message = (name: string, id: string): Message => ({
  id,
  topic: `outage.${name}.a`,
  body: Buffer.from(id),
});

/** A handler that keeps the ids of what it is given. */
export const putDone =
  (box: Mailbox<string>): Handler =>
  async ({ id }) => {
    box.put(id);
    return { kind: 'done' };
  };

/** Appends as a careful sender does: again with the same id until the broker has it. */
export const appendUntilStored = async (
  broker: Broker,
  name: string,
  id: string,
): Promise<void> => {
  for (;;) {
    try {
      await broker.append(message(name, id));
      return;
    } catch (error) {
      const passing = error instanceof BrokerError && error.retry;
      if (!passing || error.message.includes('closed')) throw error;
      await pause(20);
    }
  }
};

/** Resolves when the broker is there. */
export const reconnected = async (broker: Broker): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const forget = broker.onConnectionChange((connected) => {
    if (connected) resolve();
  });
  if (broker.stats().connected) resolve();
  await promise;
  forget();
};
