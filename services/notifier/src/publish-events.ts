import type { Broker, LaneMessage } from '@switchyard/broker';
import { topics } from '@switchyard/contracts';
import type { Log, Metrics } from '@switchyard/runtime';
import type { LoggedEvent } from '@switchyard/store';

/** One text whatever was being published, so that the loop logs it once. */
export const BROKER_AWAY = 'The broker is away; events wait in the log.';

export type PublishContext = {
  readonly broker: Pick<Broker, 'appendInOrder' | 'stats'>;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** How many events were confirmed before the first that was not, and why that one was not. */
export type Published = { readonly confirmed: number; readonly failure: Error | undefined };

/**
 * Publishes a page of the log, the events of each job in their order, and stops at the first
 * failure. What the broker will not take for its size is left out.
 */
export const createPublisher = ({
  broker,
  log,
  metrics,
}: PublishContext): ((events: readonly LoggedEvent[]) => Promise<Published>) => {
  const skipped = metrics.counter(
    'switchyard_events_skipped_total',
    'Events that the broker will not take for their size.',
  );
  return async (events) => {
    const messages = events.map(messageOf);
    let confirmed = 0;
    while (confirmed < messages.length) {
      const { stored, failure } = await broker.appendInOrder(messages.slice(confirmed));
      confirmed += stored;
      if (failure === undefined) break;
      if (failure.code === 'broker.unavailable') {
        return { confirmed, failure: new Error(BROKER_AWAY, { cause: failure }) };
      }
      if (failure.code !== 'broker.too_large') return { confirmed, failure };
      skipped.add(1);
      const event = messages[confirmed]?.id;
      log.error({ event, err: failure }, 'An event is too large and is left out');
      confirmed += 1;
    }
    return { confirmed, failure: undefined };
  };
};

/**
 * The same id however often it is published, so that repeats are known as such. A CloudEvent put
 * together by hand, as three of them for each job are much of what this service does: names of
 * endpoints, events and jobs need no escapes.
 */
const messageOf = (event: LoggedEvent): LaneMessage => {
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
  const topic = topics.event(endpointId, event.event);
  return { id, topic, body: Buffer.from(body), lane: jobId };
};
