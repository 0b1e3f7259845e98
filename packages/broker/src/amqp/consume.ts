import { setTimeout as pause } from 'node:timers/promises';
import type { ConfirmChannel, ConsumeMessage } from 'amqplib';
import { Fifo } from '../fifo.ts';
import { type DeliveryRules, settleDelivery, type Verdict } from '../settle-delivery.ts';
import { Acks } from './acks.ts';
import { declare, type QueuePlace } from './declare.ts';
import { readDelivery } from './delivery.ts';
import type { Lane } from './lane.ts';
import type { AmqpLink } from './link.ts';

type ConsumptionOptions = {
  readonly link: AmqpLink;
  readonly place: QueuePlace;
  readonly rules: DeliveryRules;
  readonly prefetch: number;
  readonly stop: AbortSignal;
};

type Delivery = { readonly raw: ConsumeMessage; readonly acks: Acks };

/**
 * One member of a group. What is in hand outlives the channel that it came by, but its verdict
 * does not: the server gives what a channel left unsettled to others.
 */
export class Consumption {
  readonly #options: ConsumptionOptions;
  readonly #inHand = new Set<Promise<void>>();
  /** What a new channel brings while too much of the last one is still in hand. */
  readonly #waiting = new Fifo<Delivery>();
  #lane: Lane | undefined;
  /** The newest; what came by another is given to somebody else by the server. */
  #channel: ConfirmChannel | undefined;
  #acks: Acks | undefined;
  #tag: string | undefined;

  constructor(options: ConsumptionOptions) {
    this.#options = options;
  }

  /** @throws BrokerError where the queue cannot be had at the start for a reason that lasts. */
  async run(): Promise<void> {
    const { link, place, prefetch, stop } = this.#options;
    if (stop.aborted) return;
    const lane = link.openLane({
      connection: link.consuming,
      doing: `consuming ${place.queue.name}`,
      declare: () => declare(link.consuming, place),
      prepare: async (channel) => {
        await channel.prefetch(prefetch);
        // Before anything can come by it, which is before the server's answer is seen here.
        this.#channel = channel;
        const acks = new Acks(channel);
        this.#acks = acks;
        const hear = (raw: ConsumeMessage | null): void => this.#hear(channel, acks, raw);
        this.#tag = (await channel.consume(place.queue.name, hear)).consumerTag;
      },
    });
    this.#lane = lane;
    try {
      await this.#untilStopped(lane);
      await this.#cancel();
      await Promise.all(this.#inHand);
      this.#acks?.flush();
    } finally {
      await link.closeLane(lane);
    }
  }

  async #untilStopped(lane: Lane): Promise<void> {
    const { stop } = this.#options;
    const { promise: stopped, resolve } = Promise.withResolvers<undefined>();
    stop.addEventListener('abort', () => resolve(undefined), { once: true });
    if (stop.aborted) return;
    await Promise.race([lane.ready(undefined, true), stopped]);
    await stopped;
  }

  /** No more come after it; those that wait go to others at once. */
  async #cancel(): Promise<void> {
    const [channel, tag] = [this.#channel, this.#tag];
    if (channel !== undefined && channel === this.#lane?.channel && tag !== undefined) {
      await channel.cancel(tag).catch(() => undefined);
    }
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#settle(next, { kind: 'again', afterMs: 0 });
    }
  }

  #hear(channel: ConfirmChannel, acks: Acks, raw: ConsumeMessage | null): void {
    if (raw === null) {
      // Somebody deleted the queue, or the node that held it is gone.
      this.#lane?.renew(channel, 'the server cancelled the consumer');
      return;
    }
    acks.open(raw);
    this.#waiting.push({ raw, acks });
    this.#takeNext();
  }

  #takeNext(): void {
    const { prefetch, stop } = this.#options;
    while (this.#inHand.size < prefetch) {
      const delivery = this.#waiting.shift();
      if (delivery === undefined) return;
      if (stop.aborted) {
        this.#settle(delivery, { kind: 'again', afterMs: 0 });
        continue;
      }
      const handled = this.#handle(delivery).finally(() => {
        this.#inHand.delete(handled);
        this.#takeNext();
      });
      this.#inHand.add(handled);
    }
  }

  async #handle(delivery: Delivery): Promise<void> {
    const { place, rules, stop } = this.#options;
    if (delivery.acks !== this.#acks) return;
    const { message, attempt } = readDelivery(delivery.raw, place.exchange);
    const verdict = await settleDelivery(rules, message, attempt);
    if (verdict.kind === 'again' && verdict.afterMs > 0) {
      // The server would give it back at once, so it waits here; a stop does not wait for it.
      await pause(verdict.afterMs, undefined, { signal: stop }).catch(() => undefined);
    }
    this.#settle(delivery, verdict);
  }

  #settle({ raw, acks }: Delivery, verdict: Verdict): void {
    if (verdict.kind === 'done') acks.done(raw);
    else acks.back(raw);
  }
}
