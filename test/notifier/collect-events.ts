import assert from 'node:assert/strict';
import type { Broker, Message } from '@switchyard/broker';
import { type CloudEvent, CloudEventSchema, topics, validator } from '@switchyard/contracts';

const check = validator(CloudEventSchema);

/** What came out of the broker, in the order in which it came. */
export type Collected = AsyncDisposable & {
  readonly events: readonly CloudEvent[];
  readonly messages: readonly Message[];
  /** Resolves when `count` events have come; repeats do not count. */
  count(count: number): Promise<void>;
};

/** Consumes all events as somebody outside does. */
export const collectEvents = (broker: Broker, group = 'outside'): Collected => {
  const stop = new AbortController();
  const messages: Message[] = [];
  const events: CloudEvent[] = [];
  const ids = new Set<string>();
  const waiting = new Set<{ readonly count: number; readonly resolve: () => void }>();
  const consumed = broker.consume(
    topics.anyEvent,
    group,
    async (message) => {
      const checked = check(JSON.parse(Buffer.from(message.body).toString()));
      assert(checked.ok, 'a body that is no CloudEvent');
      messages.push(message);
      events.push(checked.value);
      ids.add(message.id);
      for (const waiter of waiting) if (ids.size >= waiter.count) waiter.resolve();
      return { kind: 'done' };
    },
    stop.signal,
    { prefetch: 1 },
  );
  return {
    events,
    messages,
    count: (count) =>
      new Promise((resolve) => {
        if (ids.size >= count) resolve();
        else waiting.add({ count, resolve });
      }),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await consumed;
    },
  };
};

/** The sequences of each job, repeats left out, in the order in which they first came. */
export const sequencesOf = (events: readonly CloudEvent[]): Map<string, number[]> => {
  const seen = new Set<string>();
  const jobs = new Map<string, number[]>();
  for (const event of events) {
    if (seen.has(event.id)) continue;
    seen.add(event.id);
    jobs.set(event.subject, [...(jobs.get(event.subject) ?? []), Number(event.sequence)]);
  }
  return jobs;
};
