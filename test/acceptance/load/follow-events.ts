import { setTimeout as pause } from 'node:timers/promises';
import { openBroker } from '@switchyard/broker';
import {
  type CloudEvent,
  CloudEventSchema,
  streams,
  topics,
  validator,
} from '@switchyard/contracts';

/** The events that came to a consumer outside, which takes up again where it was. */
export type EventJournal = AsyncDisposable & {
  /** By job, then by sequence. */
  readonly jobs: ReadonlyMap<string, ReadonlyMap<number, Arrival>>;
  /** Resolves when the end of each of `ids` has come, or `timeoutMs` have passed. */
  readonly untilEnded: (ids: readonly string[], timeoutMs: number) => Promise<void>;
};

/** When an event first came, in ms since 1970, and how often. */
export type Arrival = { readonly event: string; readonly atMs: number; times: number };

const END = /\.(?:completed|failed|cancelled|timed_out)$/;
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

const check = validator(CloudEventSchema);

/** Consumes all events on the broker at `url` from now on. */
export const followEvents = async (url: string): Promise<EventJournal> => {
  const broker = await openBroker(url, {
    name: 'follower',
    log: SILENT,
    streams: [streams.events],
  });
  const jobs = new Map<string, Map<number, Arrival>>();
  const ended = new Set<string>();
  const stop = new AbortController();
  const hear = (event: CloudEvent): void => {
    if (event.sequence !== undefined) note(jobs, event, Number(event.sequence));
    if (END.test(event.type)) ended.add(event.subject);
  };
  const following = broker.consume(
    topics.anyEvent,
    'follower',
    async ({ body }) => {
      const checked = check(JSON.parse(Buffer.from(body).toString()));
      if (checked.ok) hear(checked.value);
      return { kind: 'done' };
    },
    stop.signal,
    { prefetch: 512 },
  );
  return {
    jobs,
    untilEnded: async (ids, timeoutMs) => {
      const untilMs = performance.now() + timeoutMs;
      while (!ids.every((id) => ended.has(id)) && performance.now() < untilMs) await pause(100);
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await following;
      await broker.close();
    },
  };
};

const note = (jobs: Map<string, Map<number, Arrival>>, event: CloudEvent, sequence: number) => {
  const known = jobs.get(event.subject) ?? new Map<number, Arrival>();
  jobs.set(event.subject, known);
  const before = known.get(sequence);
  if (before === undefined) known.set(sequence, { event: event.type, atMs: Date.now(), times: 1 });
  else before.times += 1;
};
