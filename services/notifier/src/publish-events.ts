import { type Broker, BrokerError, type Message } from '@switchyard/broker';
import { type CloudEvent, type JobId, topics } from '@switchyard/contracts';
import type { Log, Metrics } from '@switchyard/runtime';
import type { LoggedEvent } from '@switchyard/store';

/** Events that wait for the broker's word at a time. */
const IN_FLIGHT_MAX = 256;
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
 * Publishes events in order with up to IN_FLIGHT_MAX unconfirmed, and stops at the first failure.
 * Events of one job wait for each other, so that a repeat after a failure cannot bring its later
 * event before its earlier one.
 */
export const createPublisher = (
  context: PublishContext,
): ((events: readonly LoggedEvent[]) => Promise<Published>) => {
  const publishOne = createSinglePublisher(context);
  return async (events) => {
    const isConfirmed = new Uint8Array(events.length);
    const lastOfJob = new Map<JobId, Promise<void>>();
    let next = 0;
    let failure: Error | undefined;

    const publishAt = async (at: number, event: LoggedEvent): Promise<void> => {
      const turn = publishOne(event, lastOfJob.get(event.jobId));
      lastOfJob.set(event.jobId, turn);
      try {
        await turn;
        isConfirmed[at] = 1;
      } catch (error) {
        failure ??= error instanceof Error ? error : new Error(String(error));
      }
    };
    const work = async (): Promise<void> => {
      while (failure === undefined) {
        const at = next;
        const event = events[at];
        if (event === undefined) return;
        next += 1;
        await publishAt(at, event);
      }
    };
    await Promise.all(Array.from({ length: Math.min(IN_FLIGHT_MAX, events.length) }, work));
    const firstOpen = isConfirmed.indexOf(0);
    return { confirmed: firstOpen === -1 ? events.length : firstOpen, failure };
  };
};

/** Publishes an event once the one `before` it is confirmed. */
const createSinglePublisher = ({ broker, log, metrics }: PublishContext) => {
  const skipped = metrics.counter(
    'switchyard_events_skipped_total',
    'Events that the broker will not take for their size.',
  );
  return async (event: LoggedEvent, before: Promise<void> | undefined): Promise<void> => {
    if (before !== undefined) await before;
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

/** The same id however often it is published, so that repeats are known as such. */
const messageOf = (event: LoggedEvent): Message => {
  const id = `${event.jobId}-${event.seq}`;
  const body: CloudEvent = {
    specversion: '1.0',
    id,
    source: `/endpoints/${event.endpointId}`,
    type: `switchyard.job.${event.event}`,
    subject: event.jobId,
    time: event.occurredAt.toISOString(),
    datacontenttype: 'application/json',
    sequence: String(event.seq),
    data: {
      endpoint: event.endpointId,
      job: event.jobId,
      ...(event.workerId === null ? {} : { workerId: event.workerId }),
      ...(event.claimNo === null ? {} : { claimNo: event.claimNo }),
      ...(event.reason === null ? {} : { reason: event.reason }),
    },
  };
  const topic = topics.event(event.endpointId, event.event);
  return { id, topic, body: Buffer.from(JSON.stringify(body)) };
};
