import { type Broker, BrokerError, type Message } from '@switchyard/broker';
import { type JobId, topics } from '@switchyard/contracts';
import type { Log, Metrics } from '@switchyard/runtime';
import type { LoggedEvent } from '@switchyard/store';

/** One text whatever was being published, so that the loop logs it once. */
export const BROKER_AWAY = 'The broker is away; events wait in the log.';

export type PublishContext = {
  readonly broker: Pick<Broker, 'append' | 'stats'>;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** How many events were confirmed before the first that was not, and why that one was not. */
export type Published = { readonly confirmed: number; readonly failure: Error | undefined };

/**
 * Publishes a page of the log in waves: all of a wave is under way at once, and the next begins
 * when the broker has confirmed the last. A job has one event in a wave, so that a repeat after a
 * failure cannot bring its later event before its earlier one. Stops at the first failure.
 */
export const createPublisher = (
  context: PublishContext,
): ((events: readonly LoggedEvent[]) => Promise<Published>) => {
  const publishOne = createSinglePublisher(context);
  return async (events) => {
    const isConfirmed = new Uint8Array(events.length);
    let failure: Error | undefined;
    const publishAt = async (at: number, event: LoggedEvent): Promise<void> => {
      try {
        await publishOne(event);
        isConfirmed[at] = 1;
      } catch (error) {
        failure ??= error instanceof Error ? error : new Error(String(error));
      }
    };
    for (const wave of wavesOf(events)) {
      await Promise.all(wave.map(([at, event]) => publishAt(at, event)));
      if (failure !== undefined) break;
    }
    const firstOpen = isConfirmed.indexOf(0);
    return { confirmed: firstOpen === -1 ? events.length : firstOpen, failure };
  };
};

type Wave = (readonly [at: number, event: LoggedEvent])[];

/** The n-th wave has the n-th event of each job on the page. */
const wavesOf = (events: readonly LoggedEvent[]): Wave[] => {
  const waves: Wave[] = [];
  const seen = new Map<JobId, number>();
  for (const [at, event] of events.entries()) {
    const n = seen.get(event.jobId) ?? 0;
    seen.set(event.jobId, n + 1);
    const wave = waves[n];
    if (wave === undefined) waves.push([[at, event]]);
    else wave.push([at, event]);
  }
  return waves;
};

const createSinglePublisher = ({ broker, log, metrics }: PublishContext) => {
  const skipped = metrics.counter(
    'switchyard_events_skipped_total',
    'Events that the broker will not take for their size.',
  );
  return async (event: LoggedEvent): Promise<void> => {
    const message = messageOf(event);
    try {
      await broker.append(message);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      if (error.code === 'broker.unavailable') throw new Error(BROKER_AWAY, { cause: error });
      if (error.code !== 'broker.too_large') throw error;
      skipped.add(1);
      log.error({ event: message.id, err: error }, 'An event is too large and is left out');
    }
  };
};

/**
 * The same id however often it is published, so that repeats are known as such. A CloudEvent put
 * together by hand, as three of them for each job are much of what this service does: names of
 * endpoints, events and jobs need no escapes.
 */
const messageOf = (event: LoggedEvent): Message => {
  const { endpointId, jobId, seq, workerId, claimNo, reason } = event;
  const id = `${jobId}-${seq}`;
  const worker = workerId === null ? '' : `,"workerId":${JSON.stringify(workerId)}`;
  const claim = claimNo === null ? '' : `,"claimNo":${claimNo}`;
  const why = reason === null ? '' : `,"reason":${JSON.stringify(reason)}`;
  const body =
    `{"specversion":"1.0","id":"${id}","source":"/endpoints/${endpointId}",` +
    `"type":"switchyard.job.${event.event}","subject":"${jobId}","time":"${event.occurredAt}",` +
    `"datacontenttype":"application/json","sequence":"${seq}",` +
    `"data":{"endpoint":"${endpointId}","job":"${jobId}"${worker}${claim}${why}}}`;
  return { id, topic: topics.event(endpointId, event.event), body: Buffer.from(body) };
};
