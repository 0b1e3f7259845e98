import path from 'node:path';
import { openBroker } from '@switchyard/broker';
import { CloudEventSchema, EVENTS, streams, topics, validator } from '@switchyard/contracts';
import { openJournal, type SeenEvent } from '../history.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const TYPE = 'switchyard.job.';

const check = validator(CloudEventSchema);

/** Consumes all events on the broker at `url` from now on, into the history of `folder`. */
export const followEvents = async (url: string, folder: string): Promise<AsyncDisposable> => {
  const options = { name: 'follower', log: SILENT, streams: [streams.events] };
  const broker = await openBroker(url, options);
  const journal = openJournal<SeenEvent>(path.join(folder, 'events'));
  const stop = new AbortController();
  const hear = (body: Uint8Array): void => {
    const checked = check(JSON.parse(Buffer.from(body).toString()));
    if (!checked.ok) throw new TypeError('an event that is none');
    const { id, type, subject, sequence, data } = checked.value;
    const event = EVENTS.find((name) => `${TYPE}${name}` === type);
    // Progress is no fact of the log.
    if (event === undefined || sequence === undefined) return;
    const { endpoint } = data;
    journal.write({
      atMs: Date.now(),
      id,
      endpoint,
      jobId: subject,
      event,
      sequence: Number(sequence),
    });
  };
  const following = broker.consume(
    topics.anyEvent,
    'follower',
    async ({ body }) => {
      hear(body);
      return { kind: 'done' };
    },
    stop.signal,
    { prefetch: 512 },
  );
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await following;
      await broker.close();
      journal[Symbol.dispose]();
    },
  };
};
