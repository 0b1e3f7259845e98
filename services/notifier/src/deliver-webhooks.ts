import { type EndpointId, printStatusBody } from '@switchyard/contracts';
import type { Log, Metrics, Sealer, TargetGuard } from '@switchyard/runtime';
import {
  findDueDeliveries,
  readWebhookSecrets,
  type StartedDelivery,
  type Store,
  startDeliveries,
} from '@switchyard/store';
import manifest from '../package.json' with { type: 'json' };
import { createPoster, type Posted, type PostWebhook } from './post-webhook.ts';
import { createRecorder } from './record-tries.ts';
import { signWebhook } from './sign-webhook.ts';

const SENDS_MAX = 64;
/**
 * To one host and port, so that one that is slow keeps nobody else from being told: at first, and
 * at most, which a target comes to that takes what it is sent within QUICK_MS.
 */
const SENDS_PER_TARGET = { first: 8, most: 32 } as const;
const QUICK_MS = 1_000;
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
  look(): Promise<void>;
  /** Waits up to `drainMs` for the sends under way; those that are left end as unknown. */
  drain(drainMs: number): Promise<void>;
}

/** Sends webhooks that are due. `ended` is called whenever a send has made room. */
export const createDeliverer = (context: DeliverContext, ended: () => void): Deliverer => {
  const { store, log } = context;
  const sends = new Set<Promise<void>>();
  const targets = createTargets();
  const abandoning = new AbortController();
  const observe = observeSends(context.metrics, () => sends.size);
  const openSecrets = createSecretOpener(context);
  const recorder = createRecorder({ store, log }, abandoning.signal);
  const { wrapPoster = (unwrapped) => unwrapped } = context;
  const post = wrapPoster(createPoster(context.targetGuard));
  let turn = 0;

  const send = async (
    endpointId: EndpointId,
    delivery: StartedDelivery,
    secrets: readonly string[],
  ): Promise<void> => {
    const posted = await post(webhookOf(delivery, secrets), abandoning.signal);
    if (posted === undefined) return;
    observe(posted);
    targets.judge(delivery.target, posted);
    const { deliveryId, n } = delivery;
    await recorder.record(endpointId, { deliveryId, n, ...posted });
  };

  const begin = (endpointId: EndpointId, delivery: StartedDelivery, secrets: string[]): void => {
    const { target } = delivery;
    targets.enter(target);
    const under = send(endpointId, delivery, secrets)
      .catch((error: unknown) => {
        log.error({ delivery: delivery.deliveryId, err: error }, 'A try of a webhook broke off');
      })
      .finally(() => {
        sends.delete(under);
        targets.leave(target);
        ended();
      });
    sends.add(under);
  };

  return {
    look: async () => {
      // What is known must be written before a delivery can count as one that lost its sender.
      if (recorder.isBehind() || sends.size >= SENDS_MAX) return;
      const endpoints = inTurn(await findDueDeliveries(store), turn++);
      for (const [at, endpointId] of endpoints.entries()) {
        // Each endpoint gets its share of the room, so that one cannot take all of it.
        const share = Math.ceil((SENDS_MAX - sends.size) / (endpoints.length - at));
        const secrets = share > 0 ? await openSecrets(endpointId) : undefined;
        if (secrets === undefined) continue;
        const room = { busy: targets.rooms(), idle: SENDS_PER_TARGET.first };
        for (const delivery of await startDeliveries(store, endpointId, share, room)) {
          begin(endpointId, delivery, secrets);
        }
      }
    },
    drain: async (drainMs) => {
      const timer = setTimeout(() => abandoning.abort(), drainMs);
      await Promise.all(sends);
      clearTimeout(timer);
    },
  };
};

/** What each target has under way, and how much it may have. One without any is forgotten. */
const createTargets = () => {
  const busy = new Map<string, { sends: number; most: number }>();
  return {
    enter: (target: string): void => {
      const known = busy.get(target) ?? { sends: 0, most: SENDS_PER_TARGET.first };
      known.sends += 1;
      busy.set(target, known);
    },
    judge: (target: string, { delivered, durationMs }: Posted): void => {
      const known = busy.get(target);
      if (known === undefined) return;
      const isQuick = delivered && durationMs < QUICK_MS;
      known.most = isQuick
        ? Math.min(known.most + 1, SENDS_PER_TARGET.most)
        : SENDS_PER_TARGET.first;
    },
    leave: (target: string): void => {
      const known = busy.get(target);
      if (known === undefined) return;
      known.sends -= 1;
      if (known.sends === 0) busy.delete(target);
    },
    rooms: (): ReadonlyMap<string, number> =>
      new Map([...busy].map(([target, { sends, most }]) => [target, most - sends])),
  };
};

/** Begins at another one each time: who stands first must not always be served first. */
const inTurn = <Item>(items: readonly Item[], turn: number): Item[] => {
  const at = items.length === 0 ? 0 : turn % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
};

const webhookOf = (delivery: StartedDelivery, secrets: readonly string[]) => {
  const body = printStatusBody({ id: delivery.jobId, ...delivery.result });
  const webhookId = delivery.deliveryId;
  // Receivers refuse what is minutes old or early: the clock of this machine must not say it.
  const sentAtMs = delivery.begunAtMs;
  const signed =
    secrets.length > 0
      ? signWebhook({ webhookId, sentAtMs, body, secrets })
      : { 'webhook-id': webhookId, 'webhook-timestamp': String(Math.floor(sentAtMs / 1_000)) };
  const headers = {
    'content-type': 'application/json',
    'content-length': String(body.length),
    'user-agent': USER_AGENT,
    ...signed,
  };
  return { url: delivery.url, headers, body };
};

/**
 * The secrets of an endpoint. Where one does not open, for want of a master key, the deliveries of
 * that endpoint wait: unsigned ones would be refused by their receivers and spend their tries.
 */
const createSecretOpener = ({ store, log, sealer }: DeliverContext) => {
  const closed = new Set<EndpointId>();
  return async (endpointId: EndpointId): Promise<string[] | undefined> => {
    const sealed = await readWebhookSecrets(store, endpointId);
    try {
      const context = `${endpointId}|webhook-secret`;
      const secrets = sealed.map((secret) => sealer.open(secret, context).toString('utf8'));
      closed.delete(endpointId);
      return secrets;
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
