import type { BrokerLog, Hint } from '../broker.ts';
import { Fifo } from '../fifo.ts';
import { checkName, checkPattern, covers, isTopic } from '../topics.ts';

/** Hints that wait for one listener; beyond it the oldest go. */
const WAITING_MAX = 10_000;
const WAITING_MAX_BYTES = 16 * 1_048_576;

type Listener = {
  readonly pattern: string;
  readonly group: string | undefined;
  readonly hear: (hint: Hint) => void;
  readonly waiting: Fifo<Hint>;
  waitingBytes: number;
  scheduled: boolean;
};

/** Hints within a process, heard in order, never while `hint` runs. */
export class MemoryHints {
  readonly #listeners = new Set<Listener>();
  readonly #turns = new Map<string, number>();
  readonly #log: BrokerLog;
  readonly #maxBodyBytes: number;
  #dropped = 0;
  #closed = false;

  constructor(log: BrokerLog, maxBodyBytes: number) {
    this.#log = log;
    this.#maxBodyBytes = maxBodyBytes;
  }

  dropped(): number {
    return this.#dropped;
  }

  hint(topic: string, body: Uint8Array): void {
    if (this.#closed || body.length > this.#maxBodyBytes || !isTopic(topic)) {
      this.#dropped += 1;
      return;
    }
    const hearers = this.#hearersOf(topic);
    if (hearers.length === 0) return;
    const hint = { topic, body: Uint8Array.from(body) };
    for (const listener of hearers) this.#queue(listener, hint);
  }

  listen(
    pattern: string,
    hear: (hint: Hint) => void,
    stop: AbortSignal,
    group: string | undefined,
  ): void {
    checkPattern(pattern);
    if (group !== undefined) checkName(group);
    if (stop.aborted) return;
    const waiting = new Fifo<Hint>();
    const listener = { pattern, group, hear, waiting, waitingBytes: 0, scheduled: false };
    this.#listeners.add(listener);
    const end = (): void => {
      this.#listeners.delete(listener);
      waiting.clear();
    };
    stop.addEventListener('abort', end, { once: true });
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
  }

  /** Everyone who listens alone, and of each group the member whose turn it is. */
  #hearersOf(topic: string): Listener[] {
    const hearers: Listener[] = [];
    const groups = new Map<string, Listener[]>();
    for (const listener of this.#listeners) {
      if (!covers(listener.pattern, topic)) continue;
      if (listener.group === undefined) hearers.push(listener);
      else groups.set(listener.group, [...(groups.get(listener.group) ?? []), listener]);
    }
    for (const [group, members] of groups) {
      const turn = (this.#turns.get(group) ?? 0) + 1;
      this.#turns.set(group, turn);
      const member = members[turn % members.length];
      if (member !== undefined) hearers.push(member);
    }
    return hearers;
  }

  #queue(listener: Listener, hint: Hint): void {
    listener.waiting.push(hint);
    listener.waitingBytes += hint.body.length;
    while (
      listener.waiting.length > WAITING_MAX ||
      (listener.waitingBytes > WAITING_MAX_BYTES && listener.waiting.length > 1)
    ) {
      listener.waitingBytes -= listener.waiting.shift()?.body.length ?? 0;
      this.#dropped += 1;
    }
    if (listener.scheduled) return;
    listener.scheduled = true;
    setImmediate(() => this.#deliver(listener));
  }

  #deliver(listener: Listener): void {
    listener.scheduled = false;
    // Only what waits now: hints that hearing brings about must not starve everybody else.
    for (let left = listener.waiting.length; left > 0; left -= 1) {
      const hint = listener.waiting.shift();
      if (hint === undefined || !this.#listeners.has(listener)) return;
      listener.waitingBytes -= hint.body.length;
      try {
        listener.hear(hint);
      } catch (error) {
        this.#log.error({ topic: hint.topic, err: error }, 'A listener to hints threw.');
      }
    }
    if (listener.waiting.length === 0 || listener.scheduled) return;
    listener.scheduled = true;
    setImmediate(() => this.#deliver(listener));
  }
}
