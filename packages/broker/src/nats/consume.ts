import { setTimeout as pause } from 'node:timers/promises';
import { type Msg, nanos } from 'nats';
import type { ConsumeOptions } from '../broker.ts';
import { type DeliveryRules, settleDelivery, type Verdict } from '../settle-delivery.ts';
import { type Delivery, readDelivery } from './delivery.ts';
import { toBrokerError } from './failure.ts';
import { type GroupSpec, restoreGroup } from './group.ts';
import type { NatsLink } from './link.ts';
import type { NatsStreams } from './streams.ts';

const PULL_EXPIRES_MS = 30_000;
const HEARTBEAT_MS = 5_000;
/** Three heartbeats missed: the server has forgotten our pulls. */
const SILENCE_MAX_MS = 3 * HEARTBEAT_MS;
const TRY_AGAIN_MS = { least: 100, most: 5_000 } as const;
const CALM_MS = 10_000;
const LEFT_OVER = 'Nats-Pending-Messages';

type ConsumptionOptions = {
  readonly link: NatsLink;
  readonly streams: NatsStreams;
  readonly spec: GroupSpec;
  readonly rules: DeliveryRules;
  readonly prefetch: number;
  /** For how long a message is kept from others while its handler runs. */
  readonly heldMaxMs: number;
  readonly overdue: ConsumeOptions['overdue'];
  readonly stop: AbortSignal;
};

/** A delivery whose handler runs, and when the group was made that gave it. */
type Held = {
  readonly delivery: Delivery;
  readonly made: string;
  readonly sinceMs: number;
  /** The server was left to give it to somebody else. */
  isOverdue: boolean;
};

/**
 * One member of a group: pulls no more than its prefetch has room for, so that a slow member
 * leaves the rest to others. It goes through periods: restore the group, pull until something is
 * amiss, and again, until `stop`. What is in hand outlives a period.
 */
export class Consumption {
  readonly #options: ConsumptionOptions;
  readonly #inHand = new Map<Held, Promise<void>>();
  /** When the group was made, while that is certain; a settlement waits for it. */
  #made = Promise.withResolvers<string | undefined>();
  /** When the group of this period, or of the last one, was made. */
  #madeLast: string | undefined;
  /** Where the pulls of this period are answered. */
  #inbox: string | undefined;
  #pulled = 0;
  #heardAt = 0;
  #troubles = 0;

  constructor(options: ConsumptionOptions) {
    this.#options = options;
  }

  /** @throws BrokerError where the group cannot be had at the start for a reason that lasts. */
  async run(): Promise<void> {
    const { link, spec, stop } = this.#options;
    const beatMs = Math.ceil(spec.ackWaitMs / 3);
    const working = setInterval(() => this.#tellWorking(), beatMs);
    try {
      let made = await this.#restore(true);
      while (made !== undefined) {
        this.#made.resolve(made);
        await this.#pullWhileWell(made);
        if (stop.aborted) break;
        this.#made = Promise.withResolvers();
        await this.#catchBreath();
        made = await this.#restore(false);
      }
      this.#made.resolve(undefined);
      await Promise.all(this.#inHand.values());
      await link.flush();
    } finally {
      clearInterval(working);
    }
  }

  /** @returns when the group was made; undefined when stopped before it could be had. */
  async #restore(first: boolean): Promise<string | undefined> {
    const { link, streams, spec, stop } = this.#options;
    while (!stop.aborted) {
      try {
        if (link.isConnected()) return await restoreGroup(streams, spec);
        await connectionChange(link, stop);
      } catch (error) {
        const failure = toBrokerError(error, `looking after the group ${spec.group}`);
        if (first && !failure.retry) throw failure;
        link.log.warn({ group: spec.group, err: failure }, 'A group cannot be had for now.');
        await this.#catchBreath();
      }
    }
    return undefined;
  }

  /** Grows while one trouble follows the other, so that a broken server is not overrun. */
  async #catchBreath(): Promise<void> {
    const { stop } = this.#options;
    const mostMs = Math.min(TRY_AGAIN_MS.least * 2 ** this.#troubles, TRY_AGAIN_MS.most);
    this.#troubles = Math.min(this.#troubles + 1, 10);
    const waitMs = mostMs * (0.5 + Math.random() / 2);
    await pause(waitMs, undefined, { signal: stop }).catch(() => undefined);
  }

  async #pullWhileWell(made: string): Promise<void> {
    const { link, spec, stop } = this.#options;
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const end = (): void => resolve();
    const beganAt = performance.now();
    const inbox = link.makeInbox();
    const subscription = link.nats.subscribe(inbox, {
      callback: (error, msg) => {
        this.#heardAt = performance.now();
        const well = error === null && this.#hear(inbox, msg, made);
        if (well) return;
        const trouble = error ?? msg.headers?.description;
        link.log.warn({ group: spec.group, trouble: String(trouble) }, 'Pulling starts anew.');
        end();
      },
    });
    const silence = setInterval(() => {
      if (performance.now() - this.#heardAt > SILENCE_MAX_MS) end();
    }, HEARTBEAT_MS);
    const forget = link.onChange(end);
    stop.addEventListener('abort', end);

    this.#inbox = inbox;
    this.#madeLast = made;
    this.#pulled = 0;
    this.#heardAt = performance.now();
    if (stop.aborted || !link.isConnected()) end();
    else this.#pull();
    await over;

    this.#inbox = undefined;
    clearInterval(silence);
    forget();
    stop.removeEventListener('abort', end);
    if (performance.now() - beganAt > CALM_MS) this.#troubles = 0;
    // What is on its way to us goes back at once rather than after the server's wait.
    if (stop.aborted && link.isConnected()) await subscription.drain().catch(() => undefined);
    else subscription.unsubscribe();
  }

  /** Asks for what there is room for, in few requests of many rather than one a message. */
  #pull(): void {
    const { link, spec, prefetch, stop } = this.#options;
    const room = prefetch - this.#inHand.size - this.#pulled;
    const soon = this.#pulled > 0 && room < prefetch / 2;
    if (this.#inbox === undefined || stop.aborted || room <= 0 || soon) return;
    const wish = {
      batch: room,
      expires: nanos(PULL_EXPIRES_MS),
      idle_heartbeat: nanos(HEARTBEAT_MS),
    };
    this.#pulled += room;
    const topic = `$JS.API.CONSUMER.MSG.NEXT.${spec.stream.name}.${spec.group}`;
    link.nats.publish(topic, JSON.stringify(wish), { reply: this.#inbox });
  }

  /** @returns whether all is well: otherwise the pulls are lost. */
  #hear(inbox: string, msg: Msg, made: string): boolean {
    if (msg.subject === inbox) return this.#hearStatus(msg);
    const delivery = readDelivery(msg);
    if (delivery === undefined) return false;
    this.#pulled = Math.max(0, this.#pulled - 1);
    if (this.#inbox !== inbox) {
      this.#send(delivery, { kind: 'again', afterMs: 0 });
      return true;
    }
    const held = { delivery, made, sinceMs: performance.now(), isOverdue: false };
    const handled = this.#handle(held).finally(() => {
      this.#inHand.delete(held);
      this.#pull();
    });
    this.#inHand.set(held, handled);
    return true;
  }

  #hearStatus(msg: Msg): boolean {
    const code = msg.headers?.code;
    if (code === 100) return true;
    const leftOver = Number(msg.headers?.get(LEFT_OVER) || Number.NaN);
    if ((code !== 408 && code !== 404) || !Number.isInteger(leftOver)) return false;
    this.#pulled = Math.max(0, this.#pulled - leftOver);
    this.#pull();
    return true;
  }

  async #handle(held: Held): Promise<void> {
    const { rules, link } = this.#options;
    const { delivery, made } = held;
    const verdict = await settleDelivery(rules, delivery.message, delivery.attempt);
    // It is given again as it is; the word might take it from whoever has it by now.
    if (held.isOverdue && verdict.kind === 'again') return;
    const sameGroup = (await this.#made.promise) === made;
    if (sameGroup && link.isConnected()) this.#send(delivery, verdict);
  }

  #send(delivery: Delivery, verdict: Verdict): void {
    const { link } = this.#options;
    if (link.nats.isClosed()) return;
    const word = verdict.kind === 'done' ? '+ACK' : `-NAK {"delay": ${nanos(verdict.afterMs)}}`;
    link.nats.publish(delivery.reply, word);
  }

  /** Without this word the server would hand the message to somebody else. */
  #tellWorking(): void {
    const { link, heldMaxMs, stop } = this.#options;
    const nowMs = performance.now();
    for (const held of this.#inHand.keys()) {
      if (!held.isOverdue && nowMs - held.sinceMs > heldMaxMs) this.#letGo(held);
    }
    if (this.#inbox === undefined && !stop.aborted) return;
    if (!link.isConnected() || link.nats.isClosed()) return;
    for (const { delivery, made, isOverdue } of this.#inHand.keys()) {
      // In a group of the same name that was made anew its number means another message.
      if (made === this.#madeLast && !isOverdue) link.nats.publish(delivery.reply, '+WPI');
    }
  }

  /** A handler that never ends would otherwise keep its message from everybody for ever. */
  #letGo(held: Held): void {
    const { link, spec, overdue } = this.#options;
    held.isOverdue = true;
    const { message, attempt } = held.delivery;
    const heldMs = Math.round(performance.now() - held.sinceMs);
    const fields = { topic: message.topic, group: spec.group, id: message.id, attempt, heldMs };
    link.log.error(fields, 'A handler takes for ever; its message is given to another as well.');
    overdue?.(message);
  }
}

const connectionChange = async (link: NatsLink, stop: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  const forget = link.onChange(end);
  stop.addEventListener('abort', end);
  if (link.isConnected() || stop.aborted) end();
  await promise;
  forget();
  stop.removeEventListener('abort', end);
};
