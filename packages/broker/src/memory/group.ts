import type { Message } from '../broker.ts';
import { Fifo } from '../fifo.ts';
import { type DeliveryRules, settleDelivery } from '../settle-delivery.ts';
import { covers } from '../topics.ts';

/** A message that a stream keeps; `holders` counts the groups that have not settled it. */
export type Kept = {
  readonly seq: number;
  readonly message: Message;
  readonly appendedAt: number;
  holders: number;
};

type Delivery = { readonly kept: Kept; readonly attempt: number };

type Member = {
  readonly rules: DeliveryRules;
  readonly prefetch: number;
  readonly inHand: Set<Promise<void>>;
};

/** The consumers that share a stream's messages under one name; it outlives its members. */
export class MemoryGroup {
  readonly pattern: string;
  readonly #settled: (kept: Kept) => void;
  readonly #waiting = new Fifo<Delivery>();
  readonly #members = new Set<Member>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #scheduled = false;

  /** `settled` hears of each message that this group is done with. */
  constructor(pattern: string, settled: (kept: Kept) => void) {
    this.pattern = pattern;
    this.#settled = settled;
  }

  offer(kept: Kept): void {
    if (!covers(this.pattern, kept.message.topic)) return;
    kept.holders += 1;
    this.#waiting.push({ kept, attempt: 1 });
    this.#schedule();
  }

  /** Resolves when `stop` aborts and each delivery in this member's hands is settled. */
  async join(rules: DeliveryRules, prefetch: number, stop: AbortSignal): Promise<void> {
    if (stop.aborted) return;
    const member: Member = { rules, prefetch, inHand: new Set() };
    this.#members.add(member);
    this.#schedule();
    const { promise, resolve } = Promise.withResolvers<void>();
    stop.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    this.#members.delete(member);
    await Promise.all(member.inHand);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#waiting.clear();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#handOut();
    });
  }

  #handOut(): void {
    while (this.#waiting.length > 0) {
      const member = [...this.#members].find(({ inHand, prefetch }) => inHand.size < prefetch);
      const delivery = member === undefined ? undefined : this.#waiting.shift();
      if (member === undefined || delivery === undefined) return;
      // The member goes to the end of the row, so that members take turns.
      this.#members.delete(member);
      this.#members.add(member);
      const task = this.#settle(member, delivery).finally(() => {
        member.inHand.delete(task);
        this.#schedule();
      });
      member.inHand.add(task);
    }
  }

  async #settle(member: Member, { kept, attempt }: Delivery): Promise<void> {
    const verdict = await settleDelivery(member.rules, kept.message, attempt);
    if (verdict.kind === 'done') {
      kept.holders -= 1;
      this.#settled(kept);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#waiting.push({ kept, attempt: attempt + 1 });
      this.#schedule();
    }, verdict.afterMs);
    // What waits to be repeated is lost with the process anyway, and must not keep it alive.
    timer.unref();
    this.#timers.add(timer);
  }
}
