import { setTimeout as pause } from 'node:timers/promises';
import type { InstanceId } from '@switchyard/contracts';
import {
  type EventCursor,
  type LoggedEvent,
  moveCursor,
  readEventsAfter,
  realignCursor,
  type Store,
  takeCursor,
} from '@switchyard/store';
import { BROKER_AWAY, createPublisher, type PublishContext } from './publish-events.ts';

/** The name of the relay's cursor. */
export const RELAY_CURSOR = 'relay';
/** Without a sign from its runner for this long, another one relays; in ms. */
const HOLD_MS = 10_000;
const RENEW_AFTER_MS = 3_000;
/** How often one that does not relay asks whether it may, in ms. */
const ASK_EVERY_MS = 1_000;
const BATCH_MAX_EVENTS = 1_000;
/** Before a look, so that at an easy pace a job is on its way to its worker first; in ms. */
const REST_MS = 15;
/**
 * The same behind a page of BUSY_MIN_EVENTS: more are on their way, and each look has its price in
 * the database and at the broker.
 */
const BUSY_REST_MS = 75;
const BUSY_MIN_EVENTS = 64;
/**
 * A full page of nothing but accepted jobs is one of a burst, and tells what their senders were
 * told already: for the first BURST_MS of it, while hints say that it goes on, the next page
 * follows BURST_REST_MS later, so that those who store the jobs have the machine and the database
 * first. In ms.
 */
const BURST_REST_MS = 500;
const BURST_MS = 5_000;
/** A stream of jobs is hinted at each 20 ms; without a hint for so long it is over. In ms. */
const BURST_QUIET_MS = 100;

export type RelayContext = PublishContext & {
  readonly store: Store;
  readonly instance: InstanceId;
};

export interface Relay {
  /** To be called on each hint that the log has grown. */
  heard(): void;
  /**
   * Publishes what the event log holds behind the cursor, in its order, and moves the cursor.
   * Does nothing while another instance relays.
   * @throws Error while the broker or the database is away: nothing is lost, try again.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Lets another instance relay at once. */
  release(): Promise<void>;
}

/** The relay of the event log to the broker: at least once, a job's events in their order. */
export const createRelay = (context: RelayContext): Relay => {
  const { store, broker, instance } = context;
  const published = context.metrics.counter(
    'switchyard_events_published_total',
    'Events that the broker has confirmed.',
  );
  const publish = createPublisher(context);
  let held: EventCursor | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let restMs = REST_MS;
  const bursts = createBursts();

  const hold = async (): Promise<EventCursor | undefined> => {
    const everyMs = held === undefined ? ASK_EVERY_MS : RENEW_AFTER_MS;
    if (performance.now() - askedAtMs < everyMs) return held;
    askedAtMs = performance.now();
    const isNew = held === undefined;
    held = await takeCursor(store, RELAY_CURSOR, instance, HOLD_MS);
    if (isNew && held !== undefined) held = await realign(context, held);
    return held;
  };

  /** Publishes `events` and moves the cursor as far as the broker has confirmed all of them. */
  const advance = async (events: readonly LoggedEvent[]): Promise<LoggedEvent[]> => {
    const { confirmed, failure } = await publish(events);
    const last = events[confirmed - 1];
    published.add(confirmed);
    if (last !== undefined) held = { txid: last.txid, id: last.id };
    const move = last === undefined ? undefined : moveCursor(store, RELAY_CURSOR, instance, last);
    const isMore = failure === undefined && last !== undefined && events.length >= BATCH_MAX_EVENTS;
    const read = isMore ? readEventsAfter(store, last, BATCH_MAX_EVENTS) : [];
    const [, next] = await Promise.all([move, read]);
    if (failure !== undefined) throw failure;
    return next;
  };

  return {
    heard: bursts.heard,
    run: async (signal) => {
      if (!broker.stats().connected) throw new Error(BROKER_AWAY);
      const from = await hold();
      if (from === undefined) return;
      try {
        await pause(restMs);
        const beganMs = performance.now();
        let events = await readEventsAfter(store, from, BATCH_MAX_EVENTS);
        restMs = restBehind(events);
        if (events.length === 0) return;
        while (events.length > 0 && !signal.aborted) {
          events = await advance(events);
          if ((await hold()) === undefined) return;
          await bursts.giveWay(events, beganMs, signal);
        }
      } catch (error) {
        // What the database knows of the cursor may be another thing by now.
        held = undefined;
        askedAtMs = Number.NEGATIVE_INFINITY;
        throw error;
      }
    },
    release: async () => {
      if (held === undefined) return;
      held = undefined;
      await takeCursor(store, RELAY_CURSOR, instance, 0);
    },
  };
};

/** The cursor, which was just taken, or what stands for it in a database that was restored. */
const realign = async (
  { store, log, instance }: RelayContext,
  held: EventCursor,
): Promise<EventCursor | undefined> => {
  const waiting = await realignCursor(store, RELAY_CURSOR, instance);
  if (waiting === undefined) return held;
  log.warn({ waiting }, 'The event log is that of another cluster and was numbered anew');
  return takeCursor(store, RELAY_CURSOR, instance, HOLD_MS);
};

const restBehind = ({ length }: readonly LoggedEvent[]): number =>
  length < BUSY_MIN_EVENTS ? REST_MS : BUSY_REST_MS;

/** Those who store jobs go before those who tell of them. */
const createBursts = () => {
  let heardAtMs = Number.NEGATIVE_INFINITY;
  const goesOn = (): boolean => performance.now() - heardAtMs < BURST_QUIET_MS;
  return {
    /** To be called on each hint that the log has grown. */
    heard: (): void => {
      heardAtMs = performance.now();
    },
    /** Rests before the page `events` of a run that began at `beganMs` on the monotonic clock. */
    giveWay: async (
      events: readonly LoggedEvent[],
      beganMs: number,
      signal: AbortSignal,
    ): Promise<void> => {
      if (events.length < BATCH_MAX_EVENTS) return;
      if (events.some(({ event }) => event !== 'accepted')) return;
      const untilMs = Math.min(performance.now() + BURST_REST_MS, beganMs + BURST_MS);
      while (performance.now() < untilMs && goesOn() && !signal.aborted) {
        await pause(BURST_QUIET_MS);
      }
    },
  };
};
