import type { KeyObject } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type EndpointId, printStatusBody } from '@switchyard/contracts';
import {
  type Log,
  type Metrics,
  makeWebhookSecret,
  openWebhookSecret,
  type Sealer,
  type TargetGuard,
} from '@switchyard/runtime';
import {
  findDueDeliveries,
  giveWebhookSecret,
  readWebhookSecrets,
  type StartedDelivery,
  type Store,
  startDeliveries,
} from '@switchyard/store';
import manifest from '../package.json' with { type: 'json' };
import { createTargetRooms, SENDS_PER_TARGET } from './pace-targets.ts';
import { createPoster, type Posted, type PostWebhook } from './post-webhook.ts';
import { createRecorder } from './record-tries.ts';
import { signingKeyOf, signWebhook } from './sign-webhook.ts';

/** Posts under way. */
const SENDS_MAX = 128;
/** Posts under way and outcomes that are not written yet. */
const HELD_MAX = 512;
/** Bytes of results in posts under way; one look may go beyond it by what it brings. */
const SENDS_MAX_BYTES = 64 * 1_048_576;
/**
 * From one look to the next at the least, so that what comes due meanwhile, and the room that ends
 * of sends make, are one statement; in ms. A quick target has answered all it may be sent at once
 * long before a later look. After a rest the first look is at once.
 */
const LOOK_APART_MS = { least: 5, most: 250 } as const;
/** They are as far apart as this many of them take, since one reads a row of each endpoint. */
const LOOKS_APART = 5;
/**
 * A try that is sent no sooner than this after its statement began is left, in ms: with the ten
 * seconds that a post may take, another notifier could be about to take it for lost (30 s).
 */
const SEND_WITHIN_MS = 10_000;
const USER_AGENT = `Switchyard/${manifest.version}`;

export type DeliverContext = {
  readonly store: Store;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly sealer: Sealer;
  readonly targetGuard: TargetGuard;
  /** Of tests, around each post of a webhook. */
  readonly wrapPoster?: (post: PostWebhook) => PostWebhook;
};

export interface Deliverer {
  /** Begins as many due deliveries as there is room for. @throws StoreUnavailable */
  look(signal: AbortSignal): Promise<void>;
  /** Waits up to `drainMs` for the sends under way; those that are left end as unknown. */
  drain(drainMs: number): Promise<void>;
}

/** Sends webhooks that are due. `ended` is called whenever a send has made room. */
export const createDeliverer = (context: DeliverContext, ended: () => void): Deliverer => {
  const { store } = context;
  const openKeys = createKeyOpener(context);
  const sender = createSender(context, ended);
  let turn = 0;
  let nextLookAtMs = Number.NEGATIVE_INFINITY;

  const rest = async (signal: AbortSignal): Promise<void> => {
    const restMs = nextLookAtMs - performance.now();
    if (restMs > 0) await pause(restMs, undefined, { signal });
    nextLookAtMs = performance.now() + LOOK_APART_MS.least;
  };

  const findDue = async (): Promise<EndpointId[]> => {
    const beganAtMs = performance.now();
    const endpoints = await findDueDeliveries(store);
    const apartMs = LOOKS_APART * (performance.now() - beganAtMs);
    const { least, most } = LOOK_APART_MS;
    nextLookAtMs = beganAtMs + Math.min(Math.max(apartMs, least), most);
    return endpoints;
  };

  return {
    look: async (signal) => {
      await rest(signal);
      if (sender.room() === 0) return;
      const endpoints = inTurn(await findDue(), turn++);
      for (const [at, endpointId] of endpoints.entries()) {
        // Each endpoint gets its share of the room, so that one cannot take all of it.
        const share = Math.ceil(sender.room() / (endpoints.length - at));
        const keys = share > 0 ? await openKeys(endpointId) : undefined;
        if (keys === undefined) continue;
        const room = { busy: sender.targetRooms(), idle: SENDS_PER_TARGET.first };
        const askedMs = performance.now();
        for (const delivery of await startDeliveries(store, endpointId, share, room)) {
          sender.begin({ endpointId, delivery, keys, askedMs });
        }
      }
    },
    drain: sender.drain,
  };
};

type Sending = {
  readonly endpointId: EndpointId;
  readonly delivery: StartedDelivery;
  readonly keys: readonly KeyObject[];
  /** The monotonic time from before the try was begun. */
  readonly askedMs: number;
};

/** Sends what was started, and records how it ended. `ended` is called as sends make room. */
const createSender = (context: DeliverContext, ended: () => void) => {
  const { store, log } = context;
  const held = new Set<Promise<void>>();
  const load = createLoad();
  const targets = createTargetRooms();
  const abandoning = new AbortController();
  const observe = observeSends(context.metrics, load.sends);
  const recorder = createRecorder({ store, log }, abandoning.signal);
  const { wrapPoster = (unwrapped) => unwrapped } = context;
  const poster = createPoster(context.targetGuard);
  const post = wrapPoster(poster.post);

  const send = async ({ delivery, keys }: Sending): Promise<Posted | undefined> => {
    const { target } = delivery;
    let posted: Posted | undefined;
    load.add(1, delivery);
    targets.enter(target);
    try {
      posted = await post(webhookOf(delivery, keys));
      return posted;
    } finally {
      load.add(-1, delivery);
      targets.leave(target, posted);
      ended();
    }
  };

  const deliver = async (sending: Sending): Promise<void> => {
    const { deliveryId, n } = sending.delivery;
    if (isLate(sending, log)) return;
    try {
      const posted = await send(sending);
      if (posted === undefined) return;
      observe(posted);
      await recorder.record(sending.endpointId, { deliveryId, n, ...posted });
    } catch (error) {
      log.error({ delivery: deliveryId, err: error }, 'A try of a webhook broke off');
    }
  };

  return {
    targetRooms: targets.rooms,
    /** How many sends more may begin. */
    room: (): number => {
      // What is known must be written before a delivery can count as one that lost its sender.
      if (recorder.isBehind()) return 0;
      return Math.max(0, Math.min(load.room(), HELD_MAX - held.size));
    },
    begin: (sending: Sending): void => {
      const delivering = deliver(sending);
      held.add(delivering);
      void delivering.finally(() => {
        const wasFull = held.size >= HELD_MAX;
        held.delete(delivering);
        if (wasFull) ended();
      });
    },
    drain: async (drainMs: number): Promise<void> => {
      const timer = setTimeout(() => {
        abandoning.abort();
        poster.abandon();
      }, drainMs);
      await Promise.all(held);
      clearTimeout(timer);
      poster.close();
    },
  };
};

/** Begins at another one each time: who stands first must not always be served first. */
const inTurn = <Item>(items: readonly Item[], turn: number): Item[] => {
  const at = items.length === 0 ? 0 : turn % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
};

/** A process that stood still in between must not send what another one has sent by now. */
const isLate = ({ askedMs, delivery }: Sending, log: Log): boolean => {
  const late = performance.now() - askedMs > SEND_WITHIN_MS;
  const { deliveryId, n } = delivery;
  if (late) log.warn({ delivery: deliveryId, n }, 'A try of a webhook came too late to be sent');
  return late;
};

/** The posts under way, and the bytes of results in them. */
const createLoad = () => {
  let sends = 0;
  let bytes = 0;
  return {
    sends: (): number => sends,
    /** How many may be added. */
    room: (): number => (bytes >= SENDS_MAX_BYTES ? 0 : SENDS_MAX - sends),
    add: (count: 1 | -1, { result }: StartedDelivery): void => {
      sends += count;
      bytes += count * ((result.output?.length ?? 0) + (result.error?.length ?? 0));
    },
  };
};

const webhookOf = (delivery: StartedDelivery, keys: readonly KeyObject[]) => {
  const body = printStatusBody({ id: delivery.jobId, ...delivery.result });
  const webhookId = delivery.deliveryId;
  // Receivers refuse what is minutes old or early: the clock of this machine must not say it.
  const sentAtMs = delivery.begunAtMs;
  const headers = {
    'content-type': 'application/json',
    'content-length': String(body.length),
    'user-agent': USER_AGENT,
    ...signWebhook({ webhookId, sentAtMs, body, keys }),
  };
  return { url: delivery.url, headers, body };
};

/**
 * The keys of an endpoint's secrets; one that has none yet is given one. Where one does not open,
 * for want of a master key, the deliveries of that endpoint wait: unsigned ones would be refused by
 * their receivers and spend their tries.
 */
const createKeyOpener = ({ store, log, sealer }: DeliverContext) => {
  const closed = new Set<EndpointId>();
  return async (endpointId: EndpointId): Promise<KeyObject[] | undefined> => {
    let sealed = await readWebhookSecrets(store, endpointId);
    if (sealed.length === 0) {
      const made = makeWebhookSecret(sealer, endpointId);
      sealed = await giveWebhookSecret(store, endpointId, made.sealed);
    }
    try {
      const keys = sealed.map((secret) =>
        signingKeyOf(openWebhookSecret(sealer, endpointId, secret)),
      );
      closed.delete(endpointId);
      // None: the endpoint was deleted since, with all that it had to deliver.
      return keys.length > 0 ? keys : undefined;
    } catch (error) {
      if (!closed.has(endpointId)) {
        log.error({ endpointId, err: error }, 'A webhook secret does not open; its webhooks wait');
      }
      closed.add(endpointId);
      return undefined;
    }
  };
};

const observeSends = (metrics: Metrics, inFlight: () => number) => {
  const tries = metrics.counter('switchyard_deliveries_total', 'Tries of webhooks.', ['outcome']);
  const seconds = metrics.histogram(
    'switchyard_delivery_seconds',
    'Duration of a try of a webhook.',
    ['outcome'],
  );
  metrics.gauge('switchyard_deliveries_in_flight', 'Webhooks being sent.', [], inFlight);
  return ({ outcome, durationMs }: Posted): void => {
    tries.add(1, { outcome });
    seconds.observe(durationMs / 1_000, { outcome });
  };
};
